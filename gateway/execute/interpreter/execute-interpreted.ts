import type { Log } from '@aduana/core/platform/log';
import type { Executable } from '../shared/prepare-operation.ts';
import type { Execution } from '../shared/execution.ts';
import { type FinishedData, finishData } from '../shared/serialize-response.ts';
import type { SendFetch } from '../shared/send-fetch.ts';
import { openRun } from './open-run.ts';
import { runPlan } from './run-plan.ts';

/**
 * The reference: fetches into one tree of plain objects and shapes that.
 *
 * @throws the reason of the execution's signal, where the client left
 */
export async function executePlain(
  log: Log,
  executable: Executable,
  execution: Execution,
  send: SendFetch,
): Promise<FinishedData> {
  const run = openRun(log, executable, execution, send);
  if (executable.step !== undefined) await runPlan(run, executable.step);
  return finishData(executable, run.root, run.errors, execution.introspection);
}
