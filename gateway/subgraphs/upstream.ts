import type { Code } from '@aduana/core/errors/error-codes';
import type { TraceContext } from '@aduana/core/wire/trace-context';
import type { Caller, Narrowing } from '../stages.ts';

/** The request that opens a stream of a subgraph, on behalf of one caller. */
export interface UpstreamRequest {
  readonly subgraph: string;
  /** The JSON body, `{"query":...,"variables":...}`. */
  readonly body: string;
  readonly caller: Caller;
  readonly narrowing: Narrowing;
  readonly trace: TraceContext;
  readonly signal: AbortSignal;
}

/** What comes of a subgraph's stream; after `onComplete` or `onFailure` there is nothing more. */
export interface UpstreamListener {
  /** A JSON object that the subgraph sent; not yet trusted in any way. */
  onResult(result: unknown, bytes: number): void;
  onComplete(): void;
  onFailure(code: Code, detail: string): void;
}

/** An open stream of a subgraph. */
export interface Upstream {
  /** Events may come from now on. */
  start(listener: UpstreamListener): void;
  pause(): void;
  resume(): void;
  /** Nothing comes after this. */
  close(): void;
}

/**
 * Opens a stream of a subgraph over mTLS with the narrowed token.
 *
 * @throws SecurityError `SUBGRAPH_UNAVAILABLE`, `SUBGRAPH_ERROR`, `SUBGRAPH_UNREGISTERED`, `STS_UNAVAILABLE`
 */
export type OpenUpstream = (request: UpstreamRequest) => Promise<Upstream>;
