import type { Clock } from '@aduana/core/platform/clock';

const SECOND_MS = 1_000;

/** Counts on; false once there are more than `most` within one second of the clock. */
export function createSecondCounter(
  clock: Pick<Clock, 'monotonic'>,
  most: number,
): (more: number) => boolean {
  let second = 0;
  let count = 0;
  return (more) => {
    const now = Math.floor(clock.monotonic() / SECOND_MS);
    if (now !== second) count = 0;
    second = now;
    count += more;
    return count <= most;
  };
}
