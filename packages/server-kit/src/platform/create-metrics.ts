import { METRICS, type MetricDescription } from '@aduana/core/platform/metric-catalogue';
import type { MetricLabels, Metrics } from '@aduana/core/platform/metrics';
import { CountedMetric, GaugeMetric, HistogramMetric, type SampledMetric } from './metric-series.ts';
import {
  formatSnapshot,
  mergeSnapshots,
  type MetricFamily,
  type MetricsSnapshot,
  TEXT_FORMAT,
} from './metrics-snapshot.ts';

export interface MetricsOptions {
  /** What Node reports of its process beside them. */
  readonly ofProcess?: () => Promise<MetricsSnapshot>;
}

/** The metrics of one process. */
export interface ProcessMetrics extends Metrics {
  /** The metrics of one of its services, distinguished by the label `service`. */
  forService(service: string): Metrics;
  /** What `exposeSum` makes one of; it can be sent to another process. */
  snapshot(): Promise<MetricsSnapshot>;
}

export type { MetricsSnapshot } from './metrics-snapshot.ts';

/** The metrics of several processes as those of one. */
export function exposeSum(
  snapshots: readonly MetricsSnapshot[],
): Promise<{ contentType: string; body: string }> {
  return Promise.resolve({ contentType: TEXT_FORMAT, body: formatSnapshot(mergeSnapshots(snapshots)) });
}

type Kept = Map<string, SampledMetric>;

const CATALOGUE: Readonly<Record<string, MetricDescription>> = METRICS;
const NOTHING = (): Promise<MetricsSnapshot> => Promise.resolve([]);

/** The metrics of the catalogue; prom-client finds a series by its labels each time, which costs more than what is measured. */
export function createMetrics({ ofProcess = NOTHING }: MetricsOptions = {}): ProcessMetrics {
  const services = new Map<string, Kept>();
  const snapshot = async (): Promise<MetricsSnapshot> => {
    const ours = Object.entries(CATALOGUE).flatMap(([name, description]) =>
      familyOf(name, description, services),
    );
    return [...ours, ...(await ofProcess())];
  };
  const expose = async () => ({ contentType: TEXT_FORMAT, body: formatSnapshot(await snapshot()) });
  const viewOf = (service: string): Metrics => {
    const kept = services.get(service) ?? new Map<string, SampledMetric>();
    services.set(service, kept);
    return { ...openMetrics(kept), expose };
  };
  return { ...viewOf(''), forService: viewOf, snapshot };
}

function familyOf(
  name: string,
  { kind, help, merge = 'sum' }: MetricDescription,
  services: ReadonlyMap<string, Kept>,
): readonly MetricFamily[] {
  const samples = [...services].flatMap(([service, kept]) => {
    const base: MetricLabels = service === '' ? {} : { service };
    return kept.get(name)?.samples(base) ?? [];
  });
  return samples.length === 0 ? [] : [{ name, help, kind, merge, samples }];
}

function openMetrics(kept: Kept): Pick<Metrics, 'counter' | 'gauge' | 'histogram'> {
  /** @throws TypeError where the catalogue has no metric of this name and kind */
  const find = <Kind extends SampledMetric>(
    name: string,
    kind: MetricDescription['kind'],
    create: (description: MetricDescription, labelNames: readonly string[]) => Kind,
  ): Kind => {
    const description = CATALOGUE[name];
    if (description?.kind !== kind) throw new TypeError(`The catalogue has no ${kind} ${name}`);
    const known = kept.get(name) as Kind | undefined;
    if (known !== undefined) return known;
    const created = create(description, Object.keys(description.labels));
    kept.set(name, created);
    return created;
  };
  return {
    counter: (name) => find(name, 'counter', (_description, labels) => new CountedMetric(labels)),
    gauge: (name, collect = () => undefined) =>
      find(name, 'gauge', (_description, labels) => new GaugeMetric(labels, collect)),
    histogram: (name) =>
      find(name, 'histogram', ({ buckets = [] }, labels) => new HistogramMetric(labels, buckets)),
  };
}
