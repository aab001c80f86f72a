import { SecurityError } from '@aduana/core/errors/security-error';
import type { Log } from '@aduana/core/platform/log';
import type { AnswerError } from './answer-errors.ts';
import type { Executable } from './compile-executable.ts';
import type { Execution } from './executor.ts';
import { type FinishedData, finishData } from './finish-data.ts';
import type { JsonObject } from './own-property.ts';
import { runPlan } from './run-plan.ts';
import type { SendFetch } from './send-fetch.ts';
import { withDefaults } from './with-defaults.ts';

/**
 * The reference: fetches into one tree of plain objects and shapes that.
 *
 * @throws the reason of the execution's signal, where the client left
 */
export async function executePlain(
  log: Log,
  { step, shape, schema }: Executable,
  { authorized, supergraph, signal, introspection }: Execution,
  send: SendFetch,
): Promise<FinishedData> {
  const root: JsonObject = {};
  const errors: AnswerError[] = [];
  if (step !== undefined)
    await runPlan(
      {
        schema,
        shape,
        variables: authorized.variables,
        conditions: withDefaults(authorized.originalOperation, authorized.variables),
        send,
        root,
        errors,
        abandoned: signal,
        tellsMessages: (subgraph) => supergraph.subgraphs.get(subgraph)?.errors === 'messages',
        onFailure: ({ subgraph }, error) => {
          // What we ourselves refuse to send has lines of its own in the log.
          const refused = error instanceof SecurityError && error.retryAfterSeconds !== undefined;
          log[refused ? 'debug' : 'warn']('a subgraph failed', { subgraph, error });
        },
      },
      step,
    );
  return finishData(shape, root, errors, introspection);
}
