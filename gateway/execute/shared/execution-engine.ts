/** Execute, its interface inwards: what the interpreter, the compiler and the Apollo engine all implement. */

import type { Log } from '@aduana/core/platform/log';
import type { PreparedOperation } from './prepare-operation.ts';
import type { Execution } from './execution.ts';
import type { SerializedResponse } from './serialize-response.ts';
import type { SendFetch } from './send-fetch.ts';

/**
 * One way of carrying out an operation: interpreted, compiled, or by Apollo's executor.
 *
 * @throws the reason of the execution's signal, where the client left
 */
export type ExecutionEngine = (
  log: Log,
  prepared: PreparedOperation,
  execution: Execution,
  send: SendFetch,
) => Promise<SerializedResponse>;
