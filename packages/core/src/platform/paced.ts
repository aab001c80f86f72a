import type { Clock, Timer } from './clock.ts';

/** Limits how often a task runs, however often it is asked for. */
export interface Paced {
  /** Runs the task at once, or, if it has run too often, once as soon as the pace allows; further calls until then add nothing. */
  call(): void;
  /** Forgets a call that waits. */
  stop(): void;
}

/** How often a task runs without a pause, so that changes which follow one another are each seen at once. */
const BURST = 4;

/** Runs `task` for the first four calls at once, then at most every `pauseMilliseconds`; a run always follows the last call. */
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
