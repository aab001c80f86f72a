import type { Clock } from '@aduana/core/platform/clock';

/** What became of a request or a call. */
export type TrafficOutcome = 'answered' | 'refused' | 'failed';

/** Rates and durations of what passed lately, for people who look at them. */
export interface Traffic {
  /** When a request or a call begins, on the monotonic clock. */
  begin(): number;
  /** @param startedAt of `begin` */
  note(outcome: TrafficOutcome, startedAt: number): void;
  /** Over the last minute. */
  lately(): TrafficRates;
  /** The last five minutes in spans of five seconds, the oldest first; spans in which nothing came are among them. */
  history(): readonly TrafficSpan[];
}

export interface TrafficRates {
  readonly perSecond: number;
  readonly refusedPerSecond: number;
  readonly failedPerSecond: number;
  /** Null where nothing came. */
  readonly p50Milliseconds: number | null;
  readonly p99Milliseconds: number | null;
}

export interface TrafficSpan {
  /** RFC 3339: when it began. */
  readonly time: string;
  readonly requests: number;
  readonly refused: number;
  readonly failed: number;
  readonly p50Milliseconds: number | null;
  readonly p99Milliseconds: number | null;
}

const SPAN_MS = 5_000;
const SPANS = 60;
const SPANS_OF_A_MINUTE = 12;
/** Bounds of durations in milliseconds, each a fifth above the one before: from 0.1 ms to 1.5 min. */
const BUCKETS = 76;
const LEAST_MS = 0.1;
const STEP = Math.log(1.2);

interface Span {
  /** Counted in spans since the epoch. */
  number: number;
  requests: number;
  refused: number;
  failed: number;
  readonly durations: Uint32Array;
}

/** Counts in a ring of spans: what one request costs is a few additions. */
export function createTraffic(clock: Clock): Traffic {
  const spans = createSpans(clock);
  const startedAt = spans.now();

  return {
    begin: () => clock.monotonic(),
    note(outcome, began) {
      const span = spans.current();
      span.requests += 1;
      if (outcome === 'refused') span.refused += 1;
      if (outcome === 'failed') span.failed += 1;
      const bucket = bucketOf(clock.monotonic() - began);
      span.durations[bucket] = (span.durations[bucket] ?? 0) + 1;
    },
    lately() {
      const now = clock.now();
      const last = spans.now();
      const minute = range(last - SPANS_OF_A_MINUTE + 1, last).flatMap((number) => spans.at(number) ?? []);
      const first = Math.max(startedAt, last - SPANS_OF_A_MINUTE + 1);
      const seconds = Math.max(1, (now - first * SPAN_MS) / 1000);
      const sum = (member: 'requests' | 'refused' | 'failed'): number =>
        rounded(minute.reduce((total, span) => total + span[member], 0) / seconds);
      return {
        perSecond: sum('requests'),
        refusedPerSecond: sum('refused'),
        failedPerSecond: sum('failed'),
        ...percentiles(minute),
      };
    },
    history() {
      const last = spans.now();
      return range(Math.max(startedAt, last - SPANS + 1), last).map((number) => {
        const span = spans.at(number);
        return {
          time: new Date(number * SPAN_MS).toISOString(),
          requests: span?.requests ?? 0,
          refused: span?.refused ?? 0,
          failed: span?.failed ?? 0,
          ...percentiles(span === undefined ? [] : [span]),
        };
      });
    },
  };
}

/** The ring: a span that comes round again begins anew. */
function createSpans(clock: Clock) {
  const ring: Span[] = Array.from({ length: SPANS }, () => ({
    number: -1,
    requests: 0,
    refused: 0,
    failed: 0,
    durations: new Uint32Array(BUCKETS),
  }));
  const now = (): number => Math.floor(clock.now() / SPAN_MS);
  return {
    now,
    at(number: number): Span | undefined {
      const span = ring[number % SPANS];
      return span?.number === number ? span : undefined;
    },
    current(): Span {
      const number = now();
      const span = ring[number % SPANS] as Span;
      if (span.number !== number) {
        span.number = number;
        span.requests = 0;
        span.refused = 0;
        span.failed = 0;
        span.durations.fill(0);
      }
      return span;
    },
  };
}

function bucketOf(milliseconds: number): number {
  if (milliseconds <= LEAST_MS) return 0;
  return Math.min(BUCKETS - 1, Math.ceil(Math.log(milliseconds / LEAST_MS) / STEP));
}

function percentiles(spans: readonly Span[]): Pick<TrafficRates, 'p50Milliseconds' | 'p99Milliseconds'> {
  const counts = new Array<number>(BUCKETS).fill(0);
  for (const { durations } of spans)
    for (let bucket = 0; bucket < BUCKETS; bucket += 1)
      counts[bucket] = (counts[bucket] ?? 0) + (durations[bucket] ?? 0);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const at = (share: number): number | null => {
    if (total === 0) return null;
    let left = Math.ceil(total * share);
    const bucket = counts.findIndex((count) => (left -= count) <= 0);
    return rounded(LEAST_MS * Math.exp(STEP * bucket));
  };
  return { p50Milliseconds: at(0.5), p99Milliseconds: at(0.99) };
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
