/** Execute, interpreter: the reference engine. */

import type { Log } from '@aduana/core/platform/log';
import type { PreparedOperation } from '../shared/prepare-operation.ts';
import type { Execution } from '../shared/execution.ts';
import { type SerializedResponse, serializeResponse } from '../shared/serialize-response.ts';
import type { SendFetch } from '../shared/send-fetch.ts';
import { openRun } from './open-run.ts';
import { runPlan } from './run-plan.ts';

/**
 * The reference: fetches into one tree of plain objects and shapes that.
 *
 * @throws the reason of the execution's signal, where the client left, and what `requireReading` throws
 */
export async function executeInterpreted(
  log: Log,
  prepared: PreparedOperation,
  execution: Execution,
  send: SendFetch,
): Promise<SerializedResponse> {
  const run = openRun(log, prepared, execution, send);
  return runPlan(run, prepared.step, () => {
    execution.requireReading?.(execution.authorized.caller);
    return serializeResponse(prepared, run.root, run.errors, execution.introspection);
  });
}
