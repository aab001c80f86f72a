import { createExecutor } from '../../gateway/execute/create-executor.ts';
import type { ExecutorOptions } from '../../gateway/execute/create-executor.ts';
import type { Execute } from '../../gateway/execute/shared/execution.ts';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { afterAll, describe } from '@jest/globals';
import { type CompiledCounts, createCompiledCounts, reportCounts } from './compiled-share.ts';
import { createFakeClock } from './fake-clock.ts';

/** `plain` merges objects, `compiled` is generated code; both give the same answers. */
export type Completion = 'plain' | 'compiled';

/** Runs the same cases over each way of completing an answer, and reports how many ran compiled. */
export function describeCompletions(
  name: string,
  cases: (execute: Execute, completion: Completion) => void,
): void {
  for (const completion of ['plain', 'compiled'] as const)
    describe(`${name} (${completion})`, () => {
      const counts = createCompiledCounts();
      cases(completion === 'plain' ? createTestExecutor() : createCountedExecutor(counts), completion);
      afterAll(() => {
        if (completion === 'compiled') reportCounts(counts);
      });
    });
}

/** Generated code, which counts what it is asked and what it leaves to the interpreter. */
export function createCountedExecutor(counts: CompiledCounts): Execute {
  return counts.count(createTestExecutor({ completion: 'compiled', interpret: counts.interpret }));
}

export function createTestExecutor({
  completion = 'plain',
  ...options
}: Partial<ExecutorOptions> & { readonly completion?: Completion } = {}): Execute {
  return createExecutor({
    kind: 'aduana',
    clock: createFakeClock(0),
    log: createLog('silent', () => undefined),
    operationTimeoutMs: 30_000,
    shareInFlight: false,
    compileAt: completion === 'plain' ? Infinity : 1,
    ...options,
  });
}
