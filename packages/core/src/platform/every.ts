import type { Clock } from './clock.ts';

/** A task that is being repeated. */
export interface Repeating {
  /** Ends the repetition and waits for a run that is under way. */
  stop(): Promise<void>;
  /** Runs now, or right after the run that is under way. */
  wake(): void;
}

/**
 * Repeats an asynchronous task with a pause between its runs, one run at a time; `wake` skips the pause.
 *
 * @param task its failures must be handled inside; a throw ends nothing and is passed to `onError`
 * @param pauseAfterError after a run that threw; by default the same
 */
export function every(
  clock: Clock,
  pauseMilliseconds: () => number,
  task: () => Promise<void>,
  onError: (error: unknown) => void,
  pauseAfterError = pauseMilliseconds,
): Repeating {
  let stopped = false;
  let again = false;
  let running: Promise<void> | undefined;
  let timer = clock.after(pauseMilliseconds(), run);

  function run(): void {
    if (stopped) return;
    if (running !== undefined) {
      again = true;
      return;
    }
    timer.cancel();
    let pause = pauseMilliseconds;
    running = task()
      .catch((error: unknown) => {
        pause = pauseAfterError;
        onError(error);
      })
      .then(() => {
        running = undefined;
        if (stopped) return;
        if (again) {
          again = false;
          run();
        } else timer = clock.after(pause(), run);
      });
  }

  return {
    wake: run,
    async stop() {
      stopped = true;
      timer.cancel();
      await running;
    },
  };
}
