import type { RateCounter } from '@aduana/server-kit/bus/rate-counter';
import type { SpentIds } from '@aduana/server-kit/bus/spent-ids';

/** The places that each caller has for operations at once. */
export interface CallerPlaces {
  /** @throws SecurityError `CONCURRENCY_LIMITED` */
  take(key: string): Promise<void> | void;
  leave(key: string): void;
}

/** What workers of one machine count together where they share no Redis. */
export interface SharedLimits {
  readonly rates: RateCounter;
  readonly spent: SpentIds;
  /** Undefined where callers have no limit. */
  readonly places: CallerPlaces | undefined;
}
