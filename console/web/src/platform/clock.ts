/** Milliseconds since the epoch: the one place where the pages read the time. */
export function nowMilliseconds(): number {
  return Date.now();
}
