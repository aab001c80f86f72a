import type { Metrics } from '@aduana/core/platform/metrics';
import type { Authorized } from '../stages.ts';

/** Counts operations by what was decided of their fields. */
export function countDecisions<Parameters extends readonly unknown[]>(
  metrics: Pick<Metrics, 'counter'>,
  authorize: (...parameters: Parameters) => Authorized,
): (...parameters: Parameters) => Authorized {
  const counter = metrics.counter('aduana_authorization_decisions_total');
  const allowed = counter.bind({ outcome: 'allowed' });
  const partial = counter.bind({ outcome: 'partial' });
  const denied = counter.bind({ outcome: 'denied' });
  return (...parameters) => {
    const authorized = authorize(...parameters);
    if (authorized.refusals.length === 0) allowed.inc();
    else if (authorized.everythingRefused || authorized.rejected) denied.inc();
    else partial.inc();
    return authorized;
  };
}
