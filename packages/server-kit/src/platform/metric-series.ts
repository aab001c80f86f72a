import type {
  Counter,
  CounterSeries,
  Gauge,
  Histogram,
  HistogramSeries,
  MetricLabels,
} from '@aduana/core/platform/metrics';
import type { MetricSample } from './metrics-snapshot.ts';

/** Series of one metric; what comes beyond them is counted under `_OTHER`, so that no label can fill the memory. */
const MOST_SERIES = 1_000;
const OTHER = '_OTHER';

class NumberSeries implements CounterSeries {
  value = 0;

  inc(amount = 1): void {
    if (!(amount >= 0)) throw new TypeError('A counter only grows');
    this.value += amount;
  }
}

/** Finds series by their labels; the hot path binds a series once instead. */
class SeriesByLabels<Series> {
  readonly #labelNames: readonly string[];
  readonly #create: () => Series;
  readonly #known = new Map<string, { readonly labels: MetricLabels; readonly series: Series }>();

  constructor(labelNames: readonly string[], create: () => Series) {
    this.#labelNames = labelNames;
    this.#create = create;
    if (labelNames.length === 0) this.of({});
  }

  of(labels: MetricLabels): Series {
    const key = this.#keyOf(labels);
    const known = this.#known.get(key);
    if (known !== undefined) return known.series;
    const isFull = this.#known.size >= MOST_SERIES && Object.values(labels).some((value) => value !== OTHER);
    if (isFull) return this.of(Object.fromEntries(this.#labelNames.map((name) => [name, OTHER])));
    const series = this.#create();
    this.#known.set(key, { labels, series });
    return series;
  }

  remove(labels: MetricLabels): void {
    this.#known.delete(this.#keyOf(labels));
  }

  clear(): void {
    this.#known.clear();
  }

  all(): readonly { readonly labels: MetricLabels; readonly series: Series }[] {
    return [...this.#known.values()];
  }

  #keyOf(labels: MetricLabels): string {
    const given = Object.keys(labels).length;
    const values = this.#labelNames.map((name) => labels[name]);
    if (given !== values.length || values.includes(undefined))
      throw new TypeError(`The labels of this metric are ${this.#labelNames.join(', ') || 'none'}`);
    return JSON.stringify(values);
  }
}

export interface SampledMetric {
  /** @param base labels that every sample gets */
  samples(base: MetricLabels): readonly MetricSample[];
}

export class CountedMetric implements Counter, SampledMetric {
  readonly #series: SeriesByLabels<NumberSeries>;

  constructor(labelNames: readonly string[]) {
    this.#series = new SeriesByLabels(labelNames, () => new NumberSeries());
  }

  inc(labels: MetricLabels | number = {}, amount = 1): void {
    if (typeof labels === 'number') this.bind({}).inc(labels);
    else this.bind(labels).inc(amount);
  }

  bind(labels: MetricLabels): CounterSeries {
    return this.#series.of(labels);
  }

  samples(base: MetricLabels): readonly MetricSample[] {
    return this.#series
      .all()
      .map(({ labels, series }) => ({ suffix: '', labels: { ...base, ...labels }, value: series.value }));
  }
}

export class GaugeMetric implements Gauge, SampledMetric {
  readonly #series: SeriesByLabels<NumberSeries>;
  readonly #collect: (gauge: Gauge) => void;

  constructor(labelNames: readonly string[], collect: (gauge: Gauge) => void) {
    this.#series = new SeriesByLabels(labelNames, () => new NumberSeries());
    this.#collect = collect;
  }

  set(labels: MetricLabels | number, value = 0): void {
    if (typeof labels === 'number') this.#series.of({}).value = labels;
    else this.#series.of(labels).value = value;
  }

  remove(labels: MetricLabels): void {
    this.#series.remove(labels);
  }

  reset(): void {
    this.#series.clear();
  }

  samples(base: MetricLabels): readonly MetricSample[] {
    this.#collect(this);
    return this.#series
      .all()
      .map(({ labels, series }) => ({ suffix: '', labels: { ...base, ...labels }, value: series.value }));
  }
}

class BucketSeries implements HistogramSeries {
  readonly #bounds: readonly number[];
  readonly counts: Float64Array;
  sum = 0;
  count = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = new Float64Array(bounds.length);
  }

  observe(value: number): void {
    this.sum += value;
    this.count += 1;
    const bounds = this.#bounds;
    for (let at = 0; at < bounds.length; at += 1)
      if (value <= (bounds[at] ?? Infinity)) {
        this.counts[at] = (this.counts[at] ?? 0) + 1;
        return;
      }
  }
}

export class HistogramMetric implements Histogram, SampledMetric {
  readonly #bounds: readonly number[];
  readonly #series: SeriesByLabels<BucketSeries>;

  constructor(labelNames: readonly string[], bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#series = new SeriesByLabels(labelNames, () => new BucketSeries(bounds));
  }

  observe(labels: MetricLabels | number, value = 0): void {
    if (typeof labels === 'number') this.#series.of({}).observe(labels);
    else this.#series.of(labels).observe(value);
  }

  bind(labels: MetricLabels): HistogramSeries {
    return this.#series.of(labels);
  }

  samples(base: MetricLabels): readonly MetricSample[] {
    return this.#series.all().flatMap(({ labels: own, series }) => {
      const labels = { ...base, ...own };
      let below = 0;
      const buckets = this.#bounds.map((bound, at): MetricSample => {
        below += series.counts[at] ?? 0;
        return { suffix: '_bucket', labels: { ...labels, le: String(bound) }, value: below };
      });
      return [
        ...buckets,
        { suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: series.count },
        { suffix: '_sum', labels, value: series.sum },
        { suffix: '_count', labels, value: series.count },
      ];
    });
  }
}
