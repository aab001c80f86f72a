import type { Clock, Timer } from './clock.ts';

/** A task that is called for now and then, by whoever likes to. */
export interface Paced {
  /** Runs the task at once if it has not run often of late, else once as soon as it may, however often it is called for. */
  call(): void;
  /** Forgets a call that waits. */
  stop(): void;
}

/** How often a task runs without a pause, so that changes which follow one another are each seen at once. */
const BURST = 4;

/** A flood of calls runs `task` every `pauseMilliseconds`, after a few at once, and the last call counts. */
export function createPaced(clock: Clock, pauseMilliseconds: number, task: () => void): Paced {
  let allowed = BURST;
  let countedAt = clock.monotonic();
  let waiting: Timer | undefined;
  const run = (): void => {
    waiting = undefined;
    allowed -= 1;
    task();
  };
  return {
    call() {
      if (waiting !== undefined) return;
      const now = clock.monotonic();
      allowed = Math.min(BURST, allowed + (now - countedAt) / pauseMilliseconds);
      countedAt = now;
      if (allowed >= 1) run();
      else waiting = clock.after((1 - allowed) * pauseMilliseconds, run);
    },
    stop() {
      waiting?.cancel();
      waiting = undefined;
    },
  };
}
