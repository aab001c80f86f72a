import type { MetricMerge } from '@aduana/core/platform/metric-catalogue';

/** One number of a metric; `suffix` is `_bucket`, `_sum` or `_count` for the parts of a histogram. */
export interface MetricSample {
  readonly suffix: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly kind: string;
  /** How the values of several processes become one. */
  readonly merge: MetricMerge | 'average' | 'first';
  readonly samples: readonly MetricSample[];
}

/** What the metrics of a process were at one moment: plain data, which a worker can send to another process. */
export type MetricsSnapshot = readonly MetricFamily[];

export const TEXT_FORMAT = 'text/plain; version=0.0.4; charset=utf-8';

/** Makes one snapshot of those of several workers: what is counted is summed, and of ages and states the worst counts. */
export function mergeSnapshots(snapshots: readonly MetricsSnapshot[]): MetricsSnapshot {
  const families = new Map<string, { first: MetricFamily; samples: Map<string, MetricSample[]> }>();
  for (const family of snapshots.flat()) {
    const known = families.get(family.name) ?? { first: family, samples: new Map<string, MetricSample[]>() };
    families.set(family.name, known);
    for (const sample of family.samples) {
      const key = sample.suffix + labelText(sample.labels);
      known.samples.set(key, [...(known.samples.get(key) ?? []), sample]);
    }
  }
  return [...families.values()].map(({ first, samples }) => ({
    ...first,
    samples: [...samples.values()].flatMap((same) => {
      const [sample] = same;
      return sample === undefined ? [] : [{ ...sample, value: mergeValues(first.merge, same) }];
    }),
  }));
}

function mergeValues(merge: MetricFamily['merge'], samples: readonly MetricSample[]): number {
  const values = samples.map(({ value }) => value);
  const sum = values.reduce((total, value) => total + value, 0);
  switch (merge) {
    case 'sum':
      return sum;
    case 'average':
      return sum / values.length;
    case 'max':
      return Math.max(...values);
    case 'min':
      return Math.min(...values);
    case 'first':
      return values[0] ?? 0;
  }
}

/** Prometheus's text exposition format 0.0.4. */
export function formatSnapshot(snapshot: MetricsSnapshot): string {
  const lines: string[] = [];
  for (const { name, help, kind, samples } of snapshot) {
    lines.push(
      `# HELP ${name} ${help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}`,
      `# TYPE ${name} ${kind}`,
    );
    for (const { suffix, labels, value } of samples)
      lines.push(`${name}${suffix}${labelText(labels)} ${numberText(value)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** A label without a value is one that is absent. */
function labelText(labels: MetricSample['labels']): string {
  const pairs = Object.entries(labels)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}="${escapeValue(String(value))}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escapeValue(value: string): string {
  return value.replace(/\\/g, '\\\\').replace(/\n/g, '\\n').replace(/"/g, '\\"');
}

function numberText(value: number): string {
  if (Number.isFinite(value) || Number.isNaN(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}
