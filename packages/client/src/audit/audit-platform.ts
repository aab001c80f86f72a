import type { Clock } from '@aduana/core/platform/clock';
import type { Log } from '@aduana/core/platform/log';
import type { Metrics } from '@aduana/core/platform/metrics';
import type { Tracer } from '@aduana/core/platform/tracer';

/** What the audit client is given of the process that it runs in. */
export interface AuditPlatform {
  readonly clock: Clock;
  readonly log: Log;
  /** Absent: nothing is traced. */
  readonly tracer?: Tracer;
  /** Counts the events by where they went, how long that took, and what waits in the spool. */
  readonly metrics?: Pick<Metrics, 'counter' | 'gauge' | 'histogram'>;
}
