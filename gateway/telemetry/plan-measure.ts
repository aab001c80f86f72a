import type { Metrics } from '@aduana/core/platform/metrics';
import type { PlanMeasure } from '../planner/plan.ts';

/** Counts what the plan cache knew and what it did not, and shows how much it keeps. */
export function createPlanMeasure(metrics: Pick<Metrics, 'counter' | 'gauge'>): PlanMeasure {
  const hits = metrics.counter('aduana_plan_cache_hits_total').bind({});
  const misses = metrics.counter('aduana_plan_cache_misses_total').bind({});
  let entriesNow = (): number => 0;
  metrics.gauge('aduana_plan_cache_entries', (gauge) => {
    gauge.set(entriesNow());
  });
  return {
    hit: () => {
      hits.inc();
    },
    miss: () => {
      misses.inc();
    },
    showEntries(entries) {
      entriesNow = entries;
    },
  };
}
