import type { HistogramSeries } from '@aduana/core/platform/metrics';
import type { OpenPeer } from '@aduana/core/mtls-client/secure-client';
import type { CircuitBreaker } from '../limits/circuit-breaker.ts';
import type { HeldBytes } from '../limits/held-bytes.ts';
import type { Traffic } from '../traffic/traffic.ts';
import type { BoundedSemaphore } from '../limits/bounded-semaphore.ts';

/** What came of a fetch, with the series of its durations. */
export type FetchDurations = Readonly<
  Record<'success' | 'error' | 'unavailable' | 'withdrawn', HistogramSeries>
>;

/** What the answers and events of one subgraph may take, beside those of the others. */
export interface ResponseRoom {
  /** For one answer or stream. */
  readonly hold: () => HeldBytes;
  /** Told of each one for which there is no room. */
  readonly onRefuse: () => void;
}

/** The way to one subgraph: its connections, the bounded queue before them, and its circuit breaker. */
export interface SubgraphConnection {
  readonly name: string;
  /** `subgraph <name>`, made once. */
  readonly spanName: string;
  /** Of its URL, with the query. */
  readonly path: string;
  readonly peer: OpenPeer;
  /** Connections for streams, apart from those for fetches; opened when first asked for. */
  readonly streams: () => OpenPeer;
  readonly places: BoundedSemaphore;
  readonly answers: ResponseRoom;
  /** Undefined: it is called whatever became of the calls before. */
  readonly breaker: CircuitBreaker | undefined;
  readonly traffic: Traffic;
  readonly durations: FetchDurations;
  /** Lets what is under way finish. */
  close(): Promise<void>;
}
