import { type Clock, createSystemClock, type Timer } from '@aduana/core/platform/clock';
import { sleepBy } from './fake-clock.ts';

/** The system's time, which runs faster: the waits of the deployment are short beside a network that is as it is. */
export interface HurriedClock extends Clock {
  /** How many seconds pass in one. */
  speed: number;
}

/** Waits look at the time that often, since its speed may have changed. */
const LOOK_MS = 50;

export function createHurriedClock(speed: number): HurriedClock {
  const system = createSystemClock();
  const start = system.now();
  let factor = speed;
  let since = system.monotonic();
  let passed = 0;
  const monotonic = (): number => passed + (system.monotonic() - since) * factor;

  function after(milliseconds: number, task: () => void): Timer {
    const due = monotonic() + milliseconds;
    let timer: Timer;
    const look = (): void => {
      const left = due - monotonic();
      if (left <= 0) task();
      else timer = system.after(Math.min(LOOK_MS, left / factor), look);
    };
    timer = system.after(Math.min(LOOK_MS, milliseconds / factor), look);
    return {
      cancel: () => {
        timer.cancel();
      },
    };
  }

  return {
    get speed() {
      return factor;
    },
    set speed(next) {
      passed = monotonic();
      since = system.monotonic();
      factor = next;
    },
    now: () => Math.round(start + monotonic()),
    monotonic,
    after,
    sleep: sleepBy(after),
  };
}
