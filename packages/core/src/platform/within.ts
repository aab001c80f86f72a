import type { Clock, Timer } from './clock.ts';

/**
 * Bounds a wait: the task's outcome, or `onTimeout`'s error once the time is over; the signal then asks the task to stop.
 *
 * @throws whatever the task throws, or the error of `onTimeout`
 */
export async function within<Result>(
  clock: Clock,
  milliseconds: number,
  onTimeout: () => Error,
  task: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController();
  let timer: Timer | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = clock.after(milliseconds, () => {
      const error = onTimeout();
      controller.abort(error);
      reject(error);
    });
  });
  try {
    return await Promise.race([task(controller.signal), timeout]);
  } finally {
    timer?.cancel();
  }
}
