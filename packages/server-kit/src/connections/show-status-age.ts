import type { Metrics } from '@aduana/core/platform/metrics';
import type { StatusReader } from '@aduana/core/status/status-reader';

/** Shows how old the copy of the status feed is; before its first read there is nothing to show. */
export function showStatusAge(
  metrics: Pick<Metrics, 'gauge'>,
  status: Pick<StatusReader, 'ageMilliseconds'>,
): void {
  metrics.gauge('aduana_status_feed_age_seconds', (gauge) => {
    const { ageMilliseconds } = status;
    if (Number.isFinite(ageMilliseconds)) gauge.set(ageMilliseconds / 1000);
    else gauge.reset();
  });
}
