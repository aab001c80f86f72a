import type { CancelSignal } from '@aduana/core/platform/cancellation';
import type { TraceContext } from '@aduana/core/wire/trace-context';
import type { Caller, Narrowing } from '../stages.ts';

/** One GraphQL request to one subgraph, on behalf of one caller. */
export interface SubgraphRequest {
  readonly subgraph: string;
  /** The JSON body, `{"query":...,"variables":...}`. */
  readonly body: string;
  readonly operationKind: 'query' | 'mutation';
  readonly caller: Caller;
  readonly narrowing: Narrowing;
  readonly trace: TraceContext;
  readonly signal: CancelSignal;
  /** Called with what gives the answer's room back, once the answer is needed no more; without it, it is given back at once. */
  readonly keep?: (release: () => void) => void;
}

/** The parsed JSON object that a subgraph answered with; not yet trusted in any way. */
export interface SubgraphAnswer {
  readonly data?: unknown;
  readonly errors?: unknown;
}

/**
 * Sends over mTLS with the narrowed token, without redirects, within the subgraph's time-out.
 *
 * @throws SecurityError `SUBGRAPH_UNAVAILABLE`, `SUBGRAPH_ERROR`, `STS_UNAVAILABLE`, `OPERATION_TIMEOUT`, or `OVERLOADED` where
 * there is no place for the fetch or no room for its answer
 */
export interface SubgraphFetcher {
  fetch(request: SubgraphRequest): Promise<SubgraphAnswer>;
  /**
   * A text of what of the client's own request reaches this subgraph, apart from the body: requests that differ in it
   * are never taken for one. Without it nothing is shared.
   */
  forwarded?(subgraph: string): string;
}
