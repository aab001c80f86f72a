import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock } from '@aduana/core/platform/clock';
import type { Log } from '@aduana/core/platform/log';
import type { Shape } from '../stages.ts';
import { compileExecutable, type Executable } from './compile-executable.ts';
import { executePlain } from './execute-plain.ts';
import type { Execution, Executor } from './executor.ts';
import { createSendFetch } from './send-fetch.ts';

export interface ExecutorOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** After which an answer leaves with what is there. */
  readonly operationTimeoutMs: number;
}

/** The house's own executor: each plan is compiled once, with the answer that it is for. */
export function createExecutor({ clock, log, operationTimeoutMs }: ExecutorOptions): Executor {
  const executables = new WeakMap<Shape, Executable>();
  const executableOf = (execution: Execution): Executable => {
    const { shape } = execution.authorized;
    const known = executables.get(shape);
    if (known?.plan === execution.plan && known !== undefined) return known;
    const compiled = compileExecutable(execution);
    executables.set(shape, compiled);
    return compiled;
  };
  return {
    async execute(execution) {
      const { signal } = execution;
      const executable = executableOf(execution);
      if (execution.authorized.everythingRefused) return { data: 'null', errors: executable.refusals };
      const operation = new AbortController();
      const leave = () => {
        operation.abort(signal.reason);
      };
      if (signal.aborted) leave();
      else signal.addEventListener('abort', leave, { once: true });
      const deadline = clock.after(operationTimeoutMs, () => {
        operation.abort(new SecurityError('OPERATION_TIMEOUT'));
      });
      try {
        const send = createSendFetch({ ...execution, signal: operation.signal });
        return await executePlain(log, executable, execution, send);
      } finally {
        deadline.cancel();
        signal.removeEventListener('abort', leave);
      }
    },
  };
}
