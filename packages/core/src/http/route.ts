import type { IncomingHttpHeaders } from 'node:http';
import type { PeerIdentity } from '../mtls/peer-identity.ts';
import type { CancelSignal } from '../platform/cancellation.ts';
import type { Span, TraceContext } from '../platform/tracer.ts';

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
  /** The IP address at the other end of the connection. */
  readonly remoteAddress: string;
  /** Whether the connection uses TLS. */
  readonly encrypted: boolean;
  readonly trace: TraceContext;
  /** Of this request; absent where it is not recorded. */
  readonly span?: Span | undefined;
  /** Aborted when the client leaves before its answer. */
  readonly signal: AbortSignal;
  /** The same, for what need not be the platform's own. */
  readonly abandoned: CancelSignal;
  /** How large the body is, as its head says; 0 where it does not. */
  readonly declaredBytes: number;
  /**
   * The whole body, read once; nothing of it is read before.
   *
   * @param owner whose part of the room for bodies it takes; default: the peer's, else the address's
   * @throws SecurityError `PAYLOAD_TOO_LARGE`, `UNSUPPORTED_MEDIA_TYPE` for a content coding, `REQUEST_TIMEOUT`,
   * `CONCURRENCY_LIMITED` or `OVERLOADED` where there is no room
   */
  body(limitBytes: number, owner?: string): Promise<Buffer>;
}

/** What a route answers. */
export interface ServiceResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array;
  /** What follows the head as it comes; there is no `body` then. */
  readonly stream?: BodyStream;
  /** Of the table of error codes: what the answer says went wrong. */
  readonly code?: string | undefined;
  /** Called once: the answer has been written out, or its connection is closed. */
  readonly onSent?: () => void;
}

/** Writes the body of an answer that has no end that is known. */
export interface BodyStream {
  /** Called once, when the head is sent. */
  start(sink: BodySink): void;
  /** Called instead where the answer is not sent. */
  cancel(): void;
}

/** The client's end of a streamed answer. */
export interface BodySink {
  /** What has been written and has not left yet. */
  readonly waitingBytes: number;
  write(text: string): void;
  /** Ends the answer, and the connection as well where the client does not take the rest. */
  end(): void;
  /** Breaks the answer off. */
  destroy(): void;
  /** Called once, when the connection is closed. */
  onClose(listener: () => void): void;
}

/** One method at one path, and what serves it. */
export interface Route {
  /** `*`: whatever the method, the route sees to it. */
  readonly method: 'GET' | 'POST' | 'OPTIONS' | 'DELETE' | '*';
  /** Exact, or a prefix that ends in `/*`. */
  readonly path: string;
  /** A SecurityError that it throws becomes an error answer; anything else becomes a 500 and a log line. */
  handle(request: ServiceRequest): Promise<ServiceResponse>;
}
