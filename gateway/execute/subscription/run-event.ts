/** Execute, subscriptions: from one event of a stream to one message for the client. */

import type { Log } from '@aduana/core/platform/log';
import { openRun } from '../interpreter/open-run.ts';
import { commitEvent, runPlan } from '../interpreter/run-plan.ts';
import type { CompletionBudget } from '../../limits/completion-turn.ts';
import type { FetchStep } from '../shared/plan-steps.ts';
import type { SubgraphResponse } from '../shared/subgraph-response.ts';
import { serializeResponse, type SerializedResponse } from '../shared/serialize-response.ts';
import type { SendFetch } from '../shared/send-fetch.ts';
import type { CompiledSubscription } from './compile-subscription.ts';

/** What handling an event needs beside the subscription itself. */
export interface EventRun {
  readonly send: SendFetch;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly budget?: CompletionBudget | undefined;
}

/**
 * Makes one message of one event: what the stream brought, the fields of its entities by the rest of the plan, and the
 * shape that the caller may see now.
 *
 * @param opened the fetch that opened the stream, which may be that of a wider plan
 * @throws the signal's reason
 */
export async function runEvent(
  compiled: CompiledSubscription,
  opened: FetchStep,
  event: SubgraphResponse,
  { send, log, signal, budget }: EventRun,
): Promise<SerializedResponse> {
  const { authorized, supergraph, rest, refusals } = compiled;
  const run = openRun(log, compiled, { authorized, supergraph, signal, budget }, send);
  commitEvent(run, opened, event);
  const finished = await runPlan(run, rest, () => serializeResponse(compiled, run.root, run.errors));
  return { data: finished.data, errors: [...refusals, ...finished.errors] };
}
