import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { SecurityError } from '../errors/security-error.ts';
import type { PeerIdentity } from '../mtls/peer-identity.ts';
import { stripReservedHeaders } from '../wire/strip-reserved-headers.ts';
import { parseTraceContext, type TraceContext } from '../wire/trace-context.ts';
import type { ServiceRequest } from './route.ts';

/** Node's request as a route sees it; what a route does not ask for is not computed. */
export class IncomingRequest implements ServiceRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly peer: PeerIdentity | undefined;
  readonly encrypted: boolean;
  /** As of the request's arrival: a closed socket has none. */
  readonly remoteAddress: string;
  readonly #message: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #search: string;
  #trace: TraceContext | undefined;
  #controller: AbortController | undefined;

  constructor(message: IncomingMessage, response: ServerResponse, peer: PeerIdentity | undefined) {
    const target = message.url ?? '/';
    const queryAt = target.indexOf('?');
    this.method = message.method ?? 'GET';
    this.path = queryAt < 0 ? target : target.slice(0, queryAt);
    this.headers = stripReservedHeaders(message.headers);
    this.peer = peer;
    this.encrypted = 'encrypted' in message.socket;
    this.remoteAddress = message.socket.remoteAddress ?? 'unknown';
    this.#search = queryAt < 0 ? '' : target.slice(queryAt + 1);
    this.#message = message;
    this.#response = response;
  }

  get query(): URLSearchParams {
    return new URLSearchParams(this.#search);
  }

  get trace(): TraceContext {
    const { traceparent } = this.headers;
    return (this.#trace ??= parseTraceContext(typeof traceparent === 'string' ? traceparent : undefined));
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = (this.#controller = new AbortController());
      this.#response.once('close', () => {
        if (!this.#response.writableFinished) controller.abort();
      });
    }
    return this.#controller.signal;
  }

  headerCount(name: string): number {
    let found = 0;
    const { rawHeaders } = this.#message;
    for (let index = 0; index < rawHeaders.length; index += 2)
      if (rawHeaders[index]?.toLowerCase() === name) found += 1;
    return found;
  }

  body(limitBytes: number): Promise<Buffer> {
    const coding = this.headers['content-encoding'];
    if (coding !== undefined && coding.toLowerCase() !== 'identity')
      return Promise.reject(new SecurityError('UNSUPPORTED_MEDIA_TYPE', { detail: 'a content coding' }));
    if (Number(this.headers['content-length'] ?? 0) > limitBytes)
      throw new SecurityError('PAYLOAD_TOO_LARGE');
    return readBody(this.#message, limitBytes);
  }
}

/** Collects the body without ending the connection when there is too much of it: the answer has to get through. */
function readBody(message: IncomingMessage, limitBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    message.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= limitBytes) chunks.push(chunk);
      else reject(new SecurityError('PAYLOAD_TOO_LARGE')); // what still comes is read and forgotten
    });
    message.once('end', () => {
      const [only] = chunks;
      resolve(
        chunks.length === 1 && only !== undefined
          ? only
          : Buffer.concat(chunks, Math.min(length, limitBytes)),
      );
    });
    message.once('error', (error) => {
      reject(new SecurityError('BAD_REQUEST', { detail: 'the body ended early', cause: error }));
    });
    message.once('close', () => {
      if (message.readableEnded) return;
      reject(new SecurityError('BAD_REQUEST', { detail: 'the body ended early' }));
    });
  });
}
