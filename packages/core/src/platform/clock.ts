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

/** Node runs a timer that is longer at once: longer pauses are made of several. */
const LONGEST_TIMER_MILLISECONDS = 2 ** 31 - 1;

/** The clock of this machine. */
export function createSystemClock(): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    after: runAfter,
    sleep,
  };
}

function runAfter(milliseconds: number, task: () => void): Timer {
  if (milliseconds > LONGEST_TIMER_MILLISECONDS) return runLongAfter(milliseconds, task);
  const timer = setTimeout(task, milliseconds);
  timer.unref();
  return {
    cancel: () => {
      clearTimeout(timer);
    },
  };
}

function runLongAfter(milliseconds: number, task: () => void): Timer {
  let timer = runAfter(LONGEST_TIMER_MILLISECONDS, () => {
    timer = runAfter(milliseconds - LONGEST_TIMER_MILLISECONDS, task);
  });
  return {
    cancel: () => {
      timer.cancel();
    },
  };
}

async function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  const options = signal === undefined ? {} : { signal };
  let left = milliseconds;
  for (; left > LONGEST_TIMER_MILLISECONDS; left -= LONGEST_TIMER_MILLISECONDS)
    await wait(LONGEST_TIMER_MILLISECONDS, undefined, options);
  await wait(left, undefined, options);
}

/** Whole seconds since the epoch: the unit of JWT claims (RFC 7519 section 2, NumericDate). */
export function epochSeconds(clock: Clock): number {
  return Math.floor(clock.now() / 1000);
}
