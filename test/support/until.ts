import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';

/** Longer than anything takes on a machine that has eight other things to do. */
export const LONGEST_WAIT_MS = 150_000;

/**
 * Waits for a condition.
 *
 * @param step what has to be done in between, as moving a fake clock on; real time passes in any case
 * @throws Error where it does not come to hold
 */
export async function until(
  holds: () => boolean | Promise<boolean>,
  step: () => unknown = () => undefined,
): Promise<void> {
  const begin = performance.now();
  while (!(await holds())) {
    if (performance.now() - begin > LONGEST_WAIT_MS)
      throw new Error(`it does not become so: ${String(holds)}`);
    await step();
    await wait(10);
  }
}

/** What a bound in milliseconds comes to on a machine that has other things to do: twice as long, times its load. */
export function underLoad(milliseconds: number): number {
  const [load = 0] = loadavg();
  return 2 * milliseconds * Math.max(1, load / availableParallelism());
}
