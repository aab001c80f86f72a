import type { OpenPeer } from '@aduana/core/client/secure-client';
import type { CircuitBreaker } from './limits/circuit-breaker.ts';
import type { QueuedPlaces } from './limits/queued-places.ts';

/** The way to one subgraph: its connections, the bounded queue before them, and its circuit breaker. */
export interface SubgraphLine {
  readonly name: string;
  /** Of its URL, with the query. */
  readonly path: string;
  readonly peer: OpenPeer;
  readonly places: QueuedPlaces;
  /** Undefined: it is called whatever became of the calls before. */
  readonly breaker: CircuitBreaker | undefined;
}
