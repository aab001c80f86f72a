import { collectDefaultMetrics, Registry } from 'prom-client';
import type { MetricFamily, MetricsSnapshot } from './metrics-snapshot.ts';

/** What Node reports of its process: memory, processor time, event loop, garbage collection. */
export function createProcessMetrics(): () => Promise<MetricsSnapshot> {
  const register = new Registry();
  collectDefaultMetrics({ register });
  return async () => {
    const families = await register.getMetricsAsJSON();
    return families.map(({ name, help, type, aggregator, values }): MetricFamily => ({
      name,
      help,
      kind: String(type),
      merge: mergeOf(aggregator),
      samples: values.map((value) => {
        const { metricName = name } = value as { metricName?: string };
        const labels: Record<string, string | number> = {};
        for (const [label, of] of Object.entries(value.labels)) if (of !== undefined) labels[label] = of;
        return { suffix: metricName.slice(name.length), labels, value: value.value };
      }),
    }));
  };
}

function mergeOf(aggregator: string): MetricFamily['merge'] {
  switch (aggregator) {
    case 'average':
    case 'first':
    case 'max':
    case 'min':
      return aggregator;
    case 'omit':
      return 'first';
    default:
      return 'sum';
  }
}
