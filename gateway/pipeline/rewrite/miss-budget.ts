import { createBoundedCache } from '@aduana/core/platform/bounded-cache';
import type { Clock } from '@aduana/core/platform/clock';
import type { Caller } from '../stages.ts';

/** Whether what a caller's cache miss made may be kept: true within the caller's budget. */
export type MissBudget = (caller: Caller) => boolean;

const WINDOW_MILLISECONDS = 60_000;
const CALLERS_KNOWN = 10_000;

/**
 * Keeps one caller from pushing everybody else's entries out of the caches: `@skip` on n variables alone makes 2^n
 * variants of one document. Beyond the budget a caller is served as before, and nothing of it is kept.
 */
export function createMissBudget(clock: Clock, perMinute: number): MissBudget {
  const spent = createBoundedCache<{ misses: number }>(clock, CALLERS_KNOWN);
  return ({ claims }) => {
    const key = `${claims.sub_iss} ${claims.sub}`;
    const known = spent.get(key);
    if (known === undefined) spent.set(key, { misses: 1 }, clock.now() + WINDOW_MILLISECONDS);
    else known.misses += 1;
    return (known?.misses ?? 1) <= perMinute;
  };
}
