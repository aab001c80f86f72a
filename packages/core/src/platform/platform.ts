import type { Clock } from './clock.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { Tracer } from './tracer.ts';

/** What modules are given of the process that they run in. */
export interface Platform {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Absent: nothing is traced. */
  readonly tracer?: Tracer;
}
