import type { MetricName } from './metric-catalogue.ts';

/** Values of a metric's labels, by label. */
export type MetricLabels = Readonly<Record<string, string | number>>;

/** One series of a counter: what a hot path keeps, since finding a series by its labels costs more than counting. */
export interface CounterSeries {
  inc(amount?: number): void;
}

/** A count that only grows. */
export interface Counter extends CounterSeries {
  inc(amount?: number): void;
  inc(labels: MetricLabels, amount?: number): void;
  /** The series with these labels, kept by who counts often. */
  bind(labels: MetricLabels): CounterSeries;
}

/** A value that goes up and down. */
export interface Gauge {
  set(value: number): void;
  set(labels: MetricLabels, value: number): void;
  /** Removes the series with these labels. */
  remove(labels: MetricLabels): void;
  /** Removes every series. */
  reset(): void;
}

/** One series of a histogram. */
export interface HistogramSeries {
  observe(value: number): void;
}

/** Observed values, counted in buckets. */
export interface Histogram extends HistogramSeries {
  observe(value: number): void;
  observe(labels: MetricLabels, value: number): void;
  /** The series with these labels, kept by who observes often. */
  bind(labels: MetricLabels): HistogramSeries;
}

/** Metrics of one service, each named in the catalogue; a name that is asked for twice is the same metric. */
export interface Metrics {
  counter(name: MetricName<'counter'>): Counter;
  /** @param collect sets the gauge when it is read, so that nothing has to be counted before */
  gauge(name: MetricName<'gauge'>, collect?: (gauge: Gauge) => void): Gauge;
  histogram(name: MetricName<'histogram'>): Histogram;
  /** The text exposition format, of all services of the process. */
  expose(): Promise<{ contentType: string; body: string }>;
}
