import { createBoundedCache } from '@aduana/core/platform/bounded-cache';
import type { Clock } from '@aduana/core/platform/clock';
import { createSingleFlight } from '@aduana/core/platform/single-flight';
import type { StatusView } from '@aduana/core/status/status-entry';
import { refusedByStatus } from '@aduana/core/tokens/verify-access-token';
import type { GrantedToken } from './read-token-answer.ts';

/** Tokens by what they were got for, each asked for once at a time and kept while it is good. */
export interface TokenKeeper {
  /** @param longestMilliseconds how long the token is kept at most, whatever its own life */
  obtain(key: string, ask: () => Promise<GrantedToken>, longestMilliseconds?: number): Promise<GrantedToken>;
  forget(key: string): void;
}

const CACHE_CAPACITY = 10_000;
/** A token is not used in the last part of its life: it might expire on its way. */
const MARGIN = { share: 0.2, mostMilliseconds: 30_000 } as const;

interface Kept extends GrantedToken {
  /** Milliseconds since the epoch: from here on a use asks for the next one in the background. */
  readonly renewAt: number;
}

export function createTokenKeeper(status: StatusView, clock: Clock): TokenKeeper {
  const cache = createBoundedCache<Kept>(clock, CACHE_CAPACITY);
  const once = createSingleFlight<Kept>();
  const NO_SCOPES: ReadonlySet<string> = new Set();

  const renew = (key: string, ask: () => Promise<GrantedToken>, longest: number): Promise<Kept> =>
    once(key, async () => {
      const askedAt = clock.now();
      const granted = await ask();
      const life = granted.claims.exp * 1000 - askedAt;
      const margin = Math.min(MARGIN.mostMilliseconds, life * MARGIN.share);
      const kept = { ...granted, renewAt: askedAt + Math.min(life, longest) / 2 };
      cache.set(key, kept, askedAt + Math.min(life - margin, longest));
      return kept;
    });

  return {
    async obtain(key, ask, longestMilliseconds = Infinity) {
      const known = cache.get(key);
      if (known === undefined || refusedByStatus({ ...known, scopes: NO_SCOPES }, status) !== undefined)
        return renew(key, ask, longestMilliseconds);
      if (clock.now() >= known.renewAt) renew(key, ask, longestMilliseconds).catch(() => undefined);
      return known;
    },
    forget(key) {
      cache.delete(key);
    },
  };
}
