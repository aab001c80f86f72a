import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock } from '@aduana/core/platform/clock';
import type { Log } from '@aduana/core/platform/log';
import type { Shape } from '../stages.ts';
import { compileExecutable, type Executable } from './compile-executable.ts';
import { executeApollo } from './execute-apollo.ts';
import { executeCompiled } from './execute-compiled.ts';
import { executePlain } from './execute-plain.ts';
import type { Execute, Execution } from './executor.ts';
import { createInFlight } from './in-flight.ts';
import { openOperation } from './running-operation.ts';
import { createSendFetch } from './send-fetch.ts';

export interface ExecutorOptions {
  /** `aduana` is the house's own. */
  readonly kind: 'aduana' | 'apollo';
  readonly clock: Clock;
  readonly log: Log;
  /** After which an answer leaves with what is there. */
  readonly operationTimeoutMs: number | 'off';
  /** Whether requests for the same answer, under way at the same time, are one request. */
  readonly shareInFlight: boolean;
  /** Which time an operation has to come for code to be generated for it. */
  readonly compileAt?: number;
}

/** Each plan is compiled once, together with the answer that it is for, and lives as long as its caches keep it. */
export function createExecutor(options: ExecutorOptions): Execute {
  const { kind, clock, log, operationTimeoutMs, compileAt = 2 } = options;
  const inFlight = options.shareInFlight ? createInFlight() : undefined;
  const executables = new WeakMap<Shape, Executable>();
  const runs = new WeakMap<Executable, number>();
  const executableOf = (execution: Execution): Executable => {
    const { shape } = execution.authorized;
    const known = executables.get(shape);
    if (known !== undefined && known.plan === execution.plan) return known;
    const compiled = compileExecutable(execution);
    executables.set(shape, compiled);
    return compiled;
  };
  const runOf = (executable: Executable) => {
    if (kind === 'apollo') return executeApollo;
    const run = (runs.get(executable) ?? 0) + 1;
    runs.set(executable, run);
    return run < compileAt ? executePlain : executeCompiled;
  };
  return async (execution) => {
    const executable = executableOf(execution);
    if (execution.authorized.everythingRefused)
      return { data: 'null', errors: executable.refusals, subgraphs: [] };
    const operation = openOperation(execution.signal);
    const deadline =
      operationTimeoutMs === 'off'
        ? undefined
        : clock.after(operationTimeoutMs, () => {
            operation.end(new SecurityError('OPERATION_TIMEOUT'));
          });
    const subgraphs = new Set<string>();
    const onCall = (subgraph: string) => subgraphs.add(subgraph);
    try {
      const send = createSendFetch({ ...execution, operation, inFlight, onCall });
      const { data, errors } = await runOf(executable)(log, executable, execution, send);
      return { data, errors: [...executable.refusals, ...errors], subgraphs: [...subgraphs] };
    } finally {
      deadline?.cancel();
      operation.close();
    }
  };
}
