import type { Clock } from '@aduana/core/platform/clock';
import { within } from '@aduana/core/platform/within';

/** Handlers that have not ended, with or without their client. */
export interface RunningHandlers {
  /** @param handler never rejects */
  track(handler: Promise<void>): void;
  /** Waits until none runs, or the time is over; resolves with how many still do. */
  settle(milliseconds: number): Promise<number>;
}

/** Counts handlers, so that what they use is closed after them. */
export function createRunningHandlers(clock: Clock): RunningHandlers {
  let count = 0;
  let onNone: () => void = () => undefined;
  const end = (): void => {
    count -= 1;
    if (count === 0) onNone();
  };
  return {
    track(handler) {
      count += 1;
      void handler.finally(end);
    },
    async settle(milliseconds) {
      if (count === 0) return 0;
      const none = new Promise<void>((resolve) => {
        onNone = resolve;
      });
      await within(
        clock,
        milliseconds,
        () => new Error('handlers still run'),
        () => none,
      ).catch(() => undefined);
      return count;
    },
  };
}
