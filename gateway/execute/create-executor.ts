/** Execute, its entry point: chooses the engine and bounds the time of each operation. */

import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock } from '@aduana/core/platform/clock';
import type { Log } from '@aduana/core/platform/log';
import type { Shape } from '../stages.ts';
import { prepareOperation, type PreparedOperation } from './shared/prepare-operation.ts';
import { executeApollo } from './apollo/execute-apollo.ts';
import { createExecuteCompiled } from './compiler/execute-compiled.ts';
import { executeInterpreted } from './interpreter/execute-interpreted.ts';
import type { Execute, Execution } from './shared/execution.ts';
import { createInFlightRequests } from './shared/in-flight-requests.ts';
import { openCancellationScope } from './shared/cancellation-scope.ts';
import { createOpenSender } from './shared/send-fetch.ts';
import type { ExecutionEngine } from './shared/execution-engine.ts';

/** How operations are carried out, and how long one may take. */
export interface ExecutorOptions {
  /** `aduana` is the deployment's own. */
  readonly kind: 'aduana' | 'apollo';
  readonly clock: Clock;
  readonly log: Log;
  /** After which an answer leaves with what is there. */
  readonly operationTimeoutMs: number | 'off';
  /** Whether requests for the same answer, under way at the same time, are one request. */
  readonly shareInFlight: boolean;
  /** Which time an operation has to come for code to be generated for it. */
  readonly compileAt?: number;
  /** What answers where generated code does not; default: the reference. */
  readonly interpret?: ExecutionEngine;
}

/** Each plan is prepared once, together with the shape of its answer. It is kept as long as the caches that hold the shape. */
export function createExecutor(options: ExecutorOptions): Execute {
  const { kind, clock, log, operationTimeoutMs, compileAt = 2, interpret = executeInterpreted } = options;
  const openSender = createOpenSender(options.shareInFlight ? createInFlightRequests() : undefined);
  const run: ExecutionEngine =
    kind === 'apollo' ? executeApollo : createExecuteCompiled({ interpret, compileAt });
  const known = new WeakMap<Shape, PreparedOperation>();
  const preparedOf = (execution: Execution): PreparedOperation => {
    const { shape } = execution.authorized;
    const met = known.get(shape);
    if (met !== undefined && met.plan === execution.plan) return met;
    const prepared = prepareOperation(execution);
    known.set(shape, prepared);
    return prepared;
  };
  return async (execution) => {
    const prepared = preparedOf(execution);
    if (execution.authorized.everythingRefused)
      return { data: 'null', errors: prepared.refusals, subgraphs: [] };
    const operation = openCancellationScope(execution.signal);
    const deadline =
      operationTimeoutMs === 'off'
        ? undefined
        : clock.after(operationTimeoutMs, () => {
            operation.end(new SecurityError('OPERATION_TIMEOUT'));
          });
    const subgraphs = new Set<string>();
    const onCall = (subgraph: string) => subgraphs.add(subgraph);
    try {
      const send = openSender({ ...execution, operation, onCall });
      const { data, errors } = await run(log, prepared, execution, send);
      return { data, errors: [...prepared.refusals, ...errors], subgraphs: [...subgraphs] };
    } finally {
      deadline?.cancel();
      operation.close();
    }
  };
}
