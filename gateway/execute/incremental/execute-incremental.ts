/** Execute, incremental delivery: its entry point, for operations with `@defer`. */

import { SecurityError } from '@aduana/core/errors/security-error';
import { type CancelSignal, Cancellation } from '@aduana/core/platform/cancellation';
import type { Clock } from '@aduana/core/platform/clock';
import type { Log } from '@aduana/core/platform/log';
import type { Authorized, Shape } from '../../stages.ts';
import type { Execution } from '../shared/execution.ts';
import { openCancellationScope } from '../shared/cancellation-scope.ts';
import { createOpenSender } from '../shared/send-fetch.ts';
import { prepareIncremental, type PreparedIncremental } from './prepare-incremental.ts';
import type { ExecuteIncremental } from './incremental-delivery.ts';
import { IncrementalRun } from './incremental-run.ts';

/** What all operations with `@defer` share. */
export interface IncrementalExecutorOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** After which each part leaves with what is there. */
  readonly operationTimeoutMs: number | 'off';
}

/** Carries out operations whose answers have parts. */
export function createExecuteIncremental(options: IncrementalExecutorOptions): ExecuteIncremental {
  const { clock, log, operationTimeoutMs } = options;
  const openSender = createOpenSender(undefined);
  const known = new WeakMap<Shape, PreparedIncremental>();
  const preparedOf = (execution: Execution): PreparedIncremental => {
    const { shape } = execution.authorized;
    const met = known.get(shape);
    if (met !== undefined && met.plan === execution.plan) return met;
    const compiled = prepareIncremental(execution);
    known.set(shape, compiled);
    return compiled;
  };
  return async (execution) => {
    const prepared = preparedOf(execution);
    const { leave, signal, forget } = openClient(execution.signal);
    const operation = openCancellationScope(signal);
    const deadline =
      operationTimeoutMs === 'off'
        ? undefined
        : clock.after(operationTimeoutMs, () => {
            operation.end(new SecurityError('OPERATION_TIMEOUT'));
          });
    const close = (): void => {
      deadline?.cancel();
      operation.close();
      forget();
    };
    const subgraphs = new Set<string>();
    const openSend = (authorized: Authorized) =>
      openSender({ ...execution, authorized, operation, onCall: (subgraph) => subgraphs.add(subgraph) });
    const run = new IncrementalRun({ prepared, execution, log, signal, openSend });
    try {
      const first = await run.first();
      if (!run.hasRest) {
        close();
        return { ...first, subgraphs: [...subgraphs], rest: undefined };
      }
      return {
        ...first,
        subgraphs: [...execution.narrowings.keys()],
        rest: {
          run: (deliver, current) => run.rest(deliver, current).finally(close),
          leave(reason) {
            leave(reason);
            close();
          },
        },
      };
    } catch (error) {
      close();
      throw error;
    }
  };
}

/** The client of an answer in parts, which may leave before the first one or after it. */
function openClient(first: CancelSignal) {
  const left = new Cancellation();
  const leave = (reason: Error): void => {
    left.abort(reason);
  };
  const onAbort = (): void => {
    leave(first.reason as Error);
  };
  if (first.aborted) onAbort();
  else first.addEventListener('abort', onAbort, { once: true });
  return {
    leave,
    signal: left,
    forget: (): void => {
      first.removeEventListener('abort', onAbort);
    },
  };
}
