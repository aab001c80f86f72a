import type { Log } from '@aduana/core/platform/log';
import type { Executable } from './compile-executable.ts';
import type { Execution } from './executor.ts';
import type { FinishedData } from './finish-data.ts';
import type { SendFetch } from './send-fetch.ts';

/**
 * One way of carrying out an operation: interpreted, compiled, or by Apollo's executor.
 *
 * @throws the reason of the execution's signal, where the client left
 */
export type RunExecutable = (
  log: Log,
  executable: Executable,
  execution: Execution,
  send: SendFetch,
) => Promise<FinishedData>;
