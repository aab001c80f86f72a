import { type Clock, createSystemClock } from '@aduana/core/platform/clock';

/** The system's time, which runs faster: the waits of the house are short beside a network that is as it is. */
export interface HurriedClock extends Clock {
  /** How many seconds pass in one; waits that have begun are not changed. */
  speed: number;
}

export function createHurriedClock(speed: number): HurriedClock {
  const system = createSystemClock();
  let factor = speed;
  let since = system.monotonic();
  let passed = 0;
  const start = system.now();
  const monotonic = (): number => passed + (system.monotonic() - since) * factor;
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
    after: (milliseconds, task) => system.after(milliseconds / factor, task),
    sleep: (milliseconds, signal) => system.sleep(milliseconds / factor, signal),
  };
}
