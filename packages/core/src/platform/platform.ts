import type { Clock } from './clock.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';

/** What every room takes from outside. */
export interface Platform {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}
