import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import type { Code } from '../errors/error-codes.ts';
import type { CancelSignal } from '../platform/cancellation.ts';

/** One request to a peer, and what bounds its answer. */
export interface SecureRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With its query, if any. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** From this call to the last byte of its answer, waiting for a connection included. */
  readonly timeoutMilliseconds: number;
  /** The call fails where the body of the answer is larger. */
  readonly maxResponseBytes: number;
  /** Asked before each part of the answer's body is kept; the call fails with `OVERLOADED` where it says that there is no room. */
  readonly takeRoom?: (bytes: number) => boolean;
  /** Abandons the call. */
  readonly signal?: CancelSignal;
  /** May be sent once more where the connection ended before any byte of an answer (RFC 9110 section 9.2.2). */
  readonly repeatable?: boolean;
}

/** A complete answer. */
export interface SecureResponse {
  /** Redirects are not followed. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A request whose answer is a stream. */
export type SecureStreamRequest = Omit<SecureRequest, 'maxResponseBytes' | 'takeRoom' | 'repeatable'>;

/** What reads a streamed answer. */
export interface StreamReader {
  onData(chunk: Uint8Array): void;
  /** Called once, and not after `close`; with an error where the answer broke off. */
  onEnd(error: Error | undefined): void;
}

/** An answer that is read as it comes; nothing is read before `read`. */
export interface SecureStream {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  read(reader: StreamReader): void;
  pause(): void;
  resume(): void;
  close(): void;
}

/** How long to wait for a connection. */
export type ConnectionWait = Pick<SecureRequest, 'timeoutMilliseconds' | 'signal'>;

/** One service that can be called. */
export interface SecurePeer {
  readonly origin: string;
  /** @throws CallError with the peer's failure code when there is no complete answer; its detail says why */
  request(request: SecureRequest): Promise<SecureResponse>;
}

/** Who is called, and how. */
export interface SecurePeerOptions {
  /** `https://host:port`; plain `http:` only for what the configuration allows it to. */
  readonly origin: string;
  /** The SPIFFE ID that the callee's certificate must have. */
  readonly spiffeId: string;
  /** The code of the error that a failed call throws. */
  readonly failureCode: Code;
  /** Whether the client shows its certificate to this service (default true). */
  readonly clientCertificate?: boolean;
  /** How many connections may be open at once (default 128). */
  readonly maxConnections?: number;
  /** Of the TCP and TLS handshakes together (default 3000). */
  readonly connectTimeoutMilliseconds?: number;
}

/** A service that can be called, until `close`. */
export interface OpenPeer extends SecurePeer {
  /**
   * Resolves with the head of the answer; `timeoutMilliseconds` bounds the wait for it, and `signal` abandons that wait.
   *
   * @throws CallError
   */
  stream(request: SecureStreamRequest): Promise<SecureStream>;
  /**
   * Opens a TLS connection for another protocol, such as WebSocket. The caller has to close it; it is closed as well when
   * the callee's certificate is revoked.
   *
   * @throws CallError
   */
  connect(wait: ConnectionWait): Promise<Socket>;
  /** Lets calls under way finish, then closes the connections. */
  close(): Promise<void>;
}
