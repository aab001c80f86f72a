import type { Clock } from '@aduana/core/platform/clock';
import type { RateCounter } from './rate-counter.ts';

/** Times of what was allowed, oldest at `start`. */
interface Log {
  times: number[];
  start: number;
  windowMilliseconds: number;
}

const SWEEP_EVERY = 1_000;

/** The count of a process that is the only replica. */
export function createInProcessRateCounter(clock: Clock): RateCounter {
  const logs = new Map<string, Log>();
  let takes = 0;

  return {
    take(key, limit, windowMilliseconds) {
      takes += 1;
      if (takes % SWEEP_EVERY === 0) sweep(logs, clock.monotonic());
      const now = clock.monotonic();
      const log = logs.get(key) ?? { times: [], start: 0, windowMilliseconds };
      logs.set(key, log);
      forgetOld(log, now - windowMilliseconds);
      const oldest = log.times[log.start];
      if (log.times.length - log.start < limit) {
        log.times.push(now);
        return Promise.resolve({ allowed: true, retryAfterMilliseconds: 0 });
      }
      const wait = oldest === undefined ? windowMilliseconds : oldest + windowMilliseconds - now;
      return Promise.resolve({ allowed: false, retryAfterMilliseconds: Math.max(1, wait) });
    },
    state: 'ok',
    replicas: 1,
    close: () => Promise.resolve(),
  };
}

function forgetOld(log: Log, until: number): void {
  while ((log.times[log.start] ?? Infinity) <= until) log.start += 1;
  if (log.start > 64 && log.start * 2 > log.times.length) {
    log.times = log.times.slice(log.start);
    log.start = 0;
  }
}

function sweep(logs: Map<string, Log>, now: number): void {
  for (const [key, log] of logs) {
    const newest = log.times.at(-1);
    if (newest === undefined || newest <= now - log.windowMilliseconds) logs.delete(key);
  }
}
