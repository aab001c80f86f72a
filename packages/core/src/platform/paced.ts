import type { Clock, Timer } from './clock.ts';

/** A task that is called for now and then, by whoever likes to. */
export interface Paced {
  /** Runs the task at once if it has not just run, else once when the pause is over, however often it is called for. */
  call(): void;
  /** Forgets a call that waits. */
  stop(): void;
}

/** Keeps `pauseMilliseconds` between two runs of `task`: a flood of calls is a call now and then, and the last one counts. */
export function createPaced(clock: Clock, pauseMilliseconds: number, task: () => void): Paced {
  let runAt = -Infinity;
  let waiting: Timer | undefined;
  const run = (): void => {
    waiting = undefined;
    runAt = clock.monotonic();
    task();
  };
  return {
    call() {
      if (waiting !== undefined) return;
      const left = runAt + pauseMilliseconds - clock.monotonic();
      if (left <= 0) run();
      else waiting = clock.after(left, run);
    },
    stop() {
      waiting?.cancel();
      waiting = undefined;
    },
  };
}
