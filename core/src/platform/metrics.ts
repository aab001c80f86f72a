import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Prometheus metrics of one process; a name asked for twice is the same metric. */
export interface Metrics {
  counter(name: string, help: string, labels?: readonly string[]): Counter;
  /** @param collect sets the gauge when it is read, so that nothing has to be counted before */
  gauge(name: string, help: string, labels?: readonly string[], collect?: (gauge: Gauge) => void): Gauge;
  histogram(name: string, help: string, buckets: readonly number[], labels?: readonly string[]): Histogram;
  /** The text exposition format. */
  expose(): Promise<{ contentType: string; body: string }>;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  /** @throws TypeError where the name is another kind of metric's */
  const find = <Kind>(
    name: string,
    kind: abstract new (...parameters: never[]) => Kind,
  ): Kind | undefined => {
    const known: unknown = registry.getSingleMetric(name);
    if (known === undefined || known instanceof kind) return known;
    throw new TypeError(`the metric ${name} is of another kind`);
  };
  return {
    counter: (name, help, labels = []) =>
      (registry.getSingleMetric(name) as Counter | undefined) ??
      new Counter({ name, help, labelNames: [...labels], registers }),
    gauge: (name, help, labels = [], collect = () => undefined) =>
      find(name, Gauge) ??
      new Gauge({
        name,
        help,
        labelNames: [...labels],
        registers,
        collect() {
          collect(this);
        },
      }),
    histogram: (name, help, buckets, labels = []) =>
      find(name, Histogram) ??
      new Histogram({ name, help, buckets: [...buckets], labelNames: [...labels], registers }),
    expose: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  };
}
