/** Execute, interpreter: the empty state of a run. */

import { SecurityError } from '@aduana/core/errors/security-error';
import type { Log } from '@aduana/core/platform/log';
import type { PreparedOperation } from '../shared/prepare-operation.ts';
import { type Execution, UNPAID } from '../shared/execution.ts';
import { RepeatedValues } from '../shared/response-size.ts';
import type { SendFetch } from '../shared/send-fetch.ts';
import type { PlanRun } from './run-plan.ts';
import { applyVariableDefaults } from './variable-defaults.ts';

/** A run of a plan that has fetched nothing yet. */
export function openRun(
  log: Log,
  { schema, shape }: Pick<PreparedOperation, 'schema' | 'shape'>,
  {
    authorized,
    supergraph,
    signal,
    pay = UNPAID,
  }: Pick<Execution, 'authorized' | 'supergraph' | 'signal' | 'pay'>,
  send: SendFetch,
): PlanRun {
  return {
    schema,
    shape,
    variables: authorized.variables,
    conditions: applyVariableDefaults(authorized.originalOperation, authorized.variables),
    send,
    root: {},
    errors: [],
    repeated: new RepeatedValues(),
    pay,
    abandoned: signal,
    showsMessages: (subgraph) => supergraph.subgraphs.get(subgraph)?.errors === 'messages',
    onFailure: ({ subgraph }, error) => {
      // What we ourselves refuse to send has lines of its own in the log.
      const refused = error instanceof SecurityError && error.retryAfterSeconds !== undefined;
      log[refused ? 'debug' : 'warn']('a subgraph failed', { subgraph, error });
    },
  };
}
