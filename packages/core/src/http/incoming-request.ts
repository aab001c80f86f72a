import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { SecurityError } from '../errors/security-error.ts';
import type { PeerIdentity } from '../mtls/peer-identity.ts';
import { stripReservedHeaders } from '../wire/strip-reserved-headers.ts';
import { acceptTrace, NO_TRACES, type TraceAcceptance } from '../wire/accept-trace.ts';
import { type CancelSignal, Cancellation, toAbortSignal } from '../platform/cancellation.ts';
import { countedNetwork } from '../platform/counted-network.ts';
import type { Span, TraceContext } from '../platform/tracer.ts';
import type { BodyBudget } from './body-budget.ts';
import { readBody } from './read-body.ts';
import type { ServiceRequest } from './route.ts';

/** Node's request as a route sees it; what a route does not ask for is not computed. */
export class IncomingRequest implements ServiceRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly peer: PeerIdentity | undefined;
  readonly encrypted: boolean;
  /** The path of the route that serves it; empty before one is found. */
  route = '';
  /** As of the request's arrival: a closed socket has none. */
  readonly remoteAddress: string;
  readonly #message: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #search: string;
  #trace: TraceContext | undefined;
  readonly #bodies: BodyBudget | undefined;
  readonly #traces: TraceAcceptance;
  /** Of this request; undefined where it is not recorded. */
  span: Span | undefined;
  #cancellation: Cancellation | undefined;
  #signal: AbortSignal | undefined;
  #held = 0;
  #owner: string | undefined;

  /** @param bodies without it the body is read by whoever serves the request */
  constructor(
    message: IncomingMessage,
    response: ServerResponse,
    peer: PeerIdentity | undefined,
    bodies?: BodyBudget,
    traces: TraceAcceptance = NO_TRACES,
  ) {
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
    this.#bodies = bodies;
    this.#traces = traces;
  }

  get declaredBytes(): number {
    return Number(this.headers['content-length'] ?? 0);
  }

  get query(): URLSearchParams {
    return new URLSearchParams(this.#search);
  }

  get trace(): TraceContext {
    const { traceparent } = this.headers;
    const sent = typeof traceparent === 'string' ? traceparent : undefined;
    return (this.#trace ??= acceptTrace(sent, this.peer, this.#traces));
  }

  get signal(): AbortSignal {
    return (this.#signal ??= toAbortSignal(this.abandoned));
  }

  get abandoned(): CancelSignal {
    if (this.#cancellation === undefined) {
      const cancellation = (this.#cancellation = new Cancellation());
      const leave = (): void => {
        if (!this.#response.writableFinished) cancellation.abort(new Error('the client left'));
      };
      if (this.#response.destroyed) leave();
      else this.#response.on('close', leave);
    }
    return this.#cancellation;
  }

  headerCount(name: string): number {
    let found = 0;
    const { rawHeaders } = this.#message;
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const sent = rawHeaders[index] ?? '';
      if (sent.length === name.length && sent.toLowerCase() === name) found += 1;
    }
    return found;
  }

  async body(limitBytes: number, owner?: string): Promise<Buffer> {
    const bodies = this.#bodies;
    if (bodies === undefined) throw new TypeError('There is no room for bodies');
    const { 'content-encoding': coding, expect } = this.headers;
    if (coding !== undefined && coding.toLowerCase() !== 'identity')
      throw new SecurityError('UNSUPPORTED_MEDIA_TYPE', { detail: 'a content coding' });
    const allowed = Math.min(limitBytes, bodies.largestBytes);
    if (this.declaredBytes > allowed) throw new SecurityError('PAYLOAD_TOO_LARGE');
    if (expect?.toLowerCase() === '100-continue') this.#response.writeContinue();
    const known = owner ?? this.peer?.thumbprint;
    const network = countedNetwork(this.remoteAddress);
    return readBody(this.#message, {
      limitBytes: allowed,
      owner: known ?? network,
      source: known === undefined ? network : undefined,
      budget: bodies,
      onTake: (bytes, of) => {
        this.#held += bytes;
        this.#owner = of;
      },
    });
  }

  /** Gives back what its body took of the budget: the request is answered. */
  release(): void {
    if (this.#held === 0) return;
    this.#bodies?.give(this.#held, this.#owner);
    this.#held = 0;
  }
}
