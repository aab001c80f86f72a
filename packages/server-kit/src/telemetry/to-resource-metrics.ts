import { type HrTime, ValueType } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  DataPointType,
  type MetricData,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import type { MetricFamily, MetricSample, MetricsSnapshot } from '../platform/metrics-snapshot.ts';

/** When the metrics began and when they were read. */
export interface MetricsTimes {
  readonly startTime: HrTime;
  readonly endTime: HrTime;
}

type Labels = MetricSample['labels'];

/** A snapshot as OpenTelemetry's metrics, by service; what no service names belongs to the whole process. */
export function toResourceMetrics(
  snapshot: MetricsSnapshot,
  times: MetricsTimes,
  resourceOf: (service: string | undefined) => Resource,
): readonly ResourceMetrics[] {
  const services = new Set(snapshot.flatMap(({ samples }) => samples.map(serviceOf)));
  return [...services].map((service) => ({
    resource: resourceOf(service),
    scopeMetrics: [
      {
        scope: { name: 'aduana' },
        metrics: snapshot.flatMap((family) => {
          const samples = family.samples.filter((sample) => serviceOf(sample) === service);
          return samples.length === 0 ? [] : [toMetric(family, samples, times)];
        }),
      },
    ],
  }));
}

function serviceOf({ labels }: MetricSample): string | undefined {
  const { service } = labels;
  return service === undefined ? undefined : String(service);
}

function toMetric(
  { name, help, kind }: MetricFamily,
  samples: readonly MetricSample[],
  times: MetricsTimes,
): MetricData {
  const base = {
    descriptor: { name, description: help, unit: unitOf(name), valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  if (kind === 'histogram')
    return { ...base, dataPointType: DataPointType.HISTOGRAM, dataPoints: histogramPoints(samples, times) };
  const dataPoints = samples.map(({ labels, value }) => ({
    ...times,
    attributes: attributesOf(labels),
    value,
  }));
  return kind === 'counter'
    ? { ...base, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints }
    : { ...base, dataPointType: DataPointType.GAUGE, dataPoints };
}

function unitOf(name: string): string {
  if (name.includes('_seconds')) return 's';
  return name.includes('_bytes') ? 'By' : '1';
}

function attributesOf(labels: Labels): Record<string, string | number> {
  return Object.fromEntries(
    Object.entries(labels).filter(([name, value]) => name !== 'service' && name !== 'le' && value !== ''),
  );
}

/** Buckets are cumulative in Prometheus, and each for itself in OpenTelemetry. */
function histogramPoints(samples: readonly MetricSample[], times: MetricsTimes) {
  const points = new Map<
    string,
    { labels: Labels; bounds: number[]; below: number[]; sum: number; count: number }
  >();
  for (const { suffix, labels, value } of samples) {
    const key = JSON.stringify(attributesOf(labels));
    const point = points.get(key) ?? { labels, bounds: [], below: [], sum: 0, count: 0 };
    points.set(key, point);
    if (suffix === '_sum') point.sum = value;
    else if (suffix === '_count') point.count = value;
    else {
      if (labels['le'] !== '+Inf') point.bounds.push(Number(labels['le']));
      point.below.push(value);
    }
  }
  return [...points.values()].map(({ labels, bounds, below, sum, count }) => ({
    ...times,
    attributes: attributesOf(labels),
    value: {
      buckets: { boundaries: bounds, counts: below.map((value, at) => value - (below[at - 1] ?? 0)) },
      sum,
      count,
    },
  }));
}
