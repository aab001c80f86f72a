import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock } from '@aduana/core/platform/clock';
import type { Log } from '@aduana/core/platform/log';
import type { Shape } from '../stages.ts';
import { compileExecutable, type Executable } from './shared/prepare-operation.ts';
import { executeApollo } from './apollo/execute-apollo.ts';
import { createExecuteCompiled } from './compiler/execute-compiled.ts';
import { executePlain } from './interpreter/execute-interpreted.ts';
import type { Execute, Execution } from './shared/execution.ts';
import { createInFlight } from './shared/in-flight-requests.ts';
import { openOperation } from './shared/cancellation-scope.ts';
import { createOpenSender } from './shared/send-fetch.ts';
import type { RunExecutable } from './shared/execution-engine.ts';

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
  readonly interpret?: RunExecutable;
}

/** Each plan is compiled once, together with the answer that it is for, and lives as long as its caches keep it. */
export function createExecutor(options: ExecutorOptions): Execute {
  const { kind, clock, log, operationTimeoutMs, compileAt = 2, interpret = executePlain } = options;
  const openSender = createOpenSender(options.shareInFlight ? createInFlight() : undefined);
  const run: RunExecutable =
    kind === 'apollo' ? executeApollo : createExecuteCompiled({ interpret, compileAt });
  const executables = new WeakMap<Shape, Executable>();
  const executableOf = (execution: Execution): Executable => {
    const { shape } = execution.authorized;
    const known = executables.get(shape);
    if (known !== undefined && known.plan === execution.plan) return known;
    const compiled = compileExecutable(execution);
    executables.set(shape, compiled);
    return compiled;
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
      const send = openSender({ ...execution, operation, onCall });
      const { data, errors } = await run(log, executable, execution, send);
      return { data, errors: [...executable.refusals, ...errors], subgraphs: [...subgraphs] };
    } finally {
      deadline?.cancel();
      operation.close();
    }
  };
}
