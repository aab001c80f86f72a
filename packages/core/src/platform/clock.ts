import { setTimeout as wait } from 'node:timers/promises';

/** A task that is to run later. */
export interface Timer {
  /** Keeps the task from running; does nothing once it has run. */
  cancel(): void;
}

/** The one source of time, so that tests can own it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds that never run backwards, for measuring spans. */
  monotonic(): number;
  /** Runs `task` once after `milliseconds`; a pending timer never keeps the process alive. */
  after(milliseconds: number, task: () => void): Timer;
  /** Resolves after `milliseconds`; rejects with the signal's reason when aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** The clock of this machine. */
export function createSystemClock(): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    after(milliseconds, task) {
      const timer = setTimeout(task, milliseconds);
      timer.unref();
      return {
        cancel: () => {
          clearTimeout(timer);
        },
      };
    },
    sleep: (milliseconds, signal) => wait(milliseconds, undefined, signal === undefined ? {} : { signal }),
  };
}

/** Whole seconds since the epoch: the unit of JWT claims (RFC 7519 section 2, NumericDate). */
export function epochSeconds(clock: Clock): number {
  return Math.floor(clock.now() / 1000);
}
