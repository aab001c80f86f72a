import type { IncomingHttpHeaders } from 'node:http';
import type { PeerIdentity } from '../mtls/peer-identity.ts';
import type { TraceContext } from '../wire/trace-context.ts';

/** An HTTP request as a route sees it: reserved headers stripped, the peer's certificate verified. */
export interface ServiceRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** How often the header was sent: Node keeps only the first of some that came twice. */
  headerCount(name: string): number;
  /** Undefined where the client showed no certificate. */
  readonly peer: PeerIdentity | undefined;
  readonly remoteAddress: string;
  readonly encrypted: boolean;
  readonly trace: TraceContext;
  /** Aborted when the client leaves before its answer. */
  readonly signal: AbortSignal;
  /**
   * The whole body, read once.
   *
   * @throws SecurityError `PAYLOAD_TOO_LARGE`, `UNSUPPORTED_MEDIA_TYPE` for a content coding, `REQUEST_TIMEOUT`
   */
  body(limitBytes: number): Promise<Buffer>;
}

export interface ServiceResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array;
}

export interface Route {
  /** `*`: whatever the method, the route sees to it. */
  readonly method: 'GET' | 'POST' | 'OPTIONS' | 'DELETE' | '*';
  /** Exact, or a prefix that ends in `/*`. */
  readonly path: string;
  /** A SecurityError that it throws becomes an error answer; anything else becomes a 500 and a log line. */
  handle(request: ServiceRequest): Promise<ServiceResponse>;
}
