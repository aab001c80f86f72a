import type { IncomingHttpHeaders } from 'node:http';
import type { Code } from '../errors/error-codes.ts';

export interface SecureRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With its query, if any. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** From this call to the last byte of its answer, waiting for a connection included. */
  readonly timeoutMilliseconds: number;
  readonly maxResponseBytes: number;
  readonly signal?: AbortSignal;
  /** May be sent once more where the connection ended before any byte of an answer (RFC 9110 section 9.2.2). */
  readonly repeatable?: boolean;
}

export interface SecureResponse {
  /** Redirects are not followed. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** One configured callee. */
export interface SecurePeer {
  readonly origin: string;
  /** @throws CallError with the peer's failure code when there is no complete answer; its detail says why */
  request(request: SecureRequest): Promise<SecureResponse>;
}

export interface SecurePeerOptions {
  /** `https://host:port`; plain `http:` only for what the configuration allows it to. */
  readonly origin: string;
  /** Whom the callee's certificate must name. */
  readonly spiffeId: string;
  /** What a failed call is reported as. */
  readonly failureCode: Code;
  /** False: no client certificate is shown to this callee. */
  readonly clientCertificate?: boolean;
  readonly maxConnections?: number;
  readonly connectTimeoutMilliseconds?: number;
}

/** A callee that may be done with before its client is. */
export interface OpenPeer extends SecurePeer {
  /** Lets calls under way finish, then closes the connections. */
  close(): Promise<void>;
}
