import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { SecurityError } from '@aduana/core/errors/security-error';
import { graphqlErrorResponse, toSecurityError } from '@aduana/core/http/error-response';
import { formatResponse } from '@aduana/core/http/format-response';
import { IncomingRequest } from '@aduana/core/http/incoming-request';
import { requireAccessToken } from '@aduana/core/http/require-access-token';
import { requirePeer } from '@aduana/core/http/require-peer';
import type { KnownPeers } from '@aduana/core/mtls/known-peers';
import type { PeerIdentity } from '@aduana/core/mtls/peer-identity';
import { type Clock, epochSeconds } from '@aduana/core/platform/clock';
import { NO_TRACER, type Span, type TraceContext, type Tracer } from '@aduana/core/platform/tracer';
import type { VerifiedToken } from '@aduana/core/tokens/access-token';
import type { VerifyAccessToken } from '@aduana/core/tokens/verify-access-token';

/** Who is admitted. */
export interface AdmissionOptions {
  /** SPIFFE IDs of the clients that may call. */
  readonly peers: ReadonlySet<string>;
  /** Who is at the other end of the server's connections. */
  readonly known: KnownPeers;
  /** The verifier of tokens for this service. */
  readonly verify: VerifyAccessToken;
  readonly isRefused: (thumbprint: string, spiffeId: string) => boolean;
  /** Whether the status feed says now that a token that was good counts no more. */
  readonly isEnded: (token: VerifiedToken) => boolean;
  /** @throws SecurityError `STATUS_UNAVAILABLE` where the copy of the status feed is too old to rely on */
  readonly assertFresh: () => void;
  readonly clock: Clock;
  /** Calls back when the status feed has changed. */
  readonly onStatusChange: (listener: () => void) => () => void;
  /** Where the spans of requests are begun; default: nowhere. */
  readonly tracer?: Tracer | undefined;
}

/**
 * Admits requests of peers on the list, over mTLS, with an access token that is bound to their certificate (RFC 8705).
 * An answer that is still being sent, such as a stream, is broken off when the status feed revokes the token or the
 * certificate with which it was admitted.
 */
export interface Admission {
  /**
   * Checks a request. Returns its token where it is admitted. Otherwise answers it with the status and the code of the
   * refusal (such as 403 `MTLS_REQUIRED` or 401 `UNAUTHENTICATED`), and returns undefined. Never rejects.
   *
   * @example
   * createServer(subgraph.tls, async (request, response) => {
   *   if (await subgraph.admit(request, response)) await graphql(request, response);
   * });
   */
  admit(request: IncomingMessage, response: ServerResponse): Promise<VerifiedToken | undefined>;
  /**
   * The same for a connection that a server hands over with its `upgrade` event. Where it is admitted, you answer it; it
   * is broken off when the status feed revokes the token or the certificate with which it was admitted.
   */
  admitUpgrade(request: IncomingMessage, socket: Duplex): Promise<VerifiedToken | undefined>;
  /**
   * The token of a request that was admitted. Ask for it at each operation of a WebSocket, which may begin long after the
   * upgrade: one that has expired, or whose certificate is good no more, begins nothing.
   *
   * @throws SecurityError `UNAUTHENTICATED` for any other request, and for such a token of an upgrade; `STATUS_UNAVAILABLE`
   * for an upgrade while the copy of the status feed is too old
   */
  tokenOf(request: IncomingMessage): VerifiedToken;
  /**
   * The place of an admitted request in its distributed trace: for log entries, and for the calls that it leads to.
   *
   * @throws SecurityError `UNAUTHENTICATED` for any other
   */
  traceOf(request: IncomingMessage): TraceContext;
}

interface Admitted {
  readonly token: VerifiedToken;
  readonly peer: PeerIdentity;
  readonly trace: TraceContext;
}

/** An admission that can be closed with its subgraph. */
export interface OpenAdmission extends Admission {
  /** Stops watching the status feed for what was admitted. */
  close(): void;
}

/** An admitted request whose answer, or whose connection, has not ended yet. */
interface Running {
  readonly token: VerifiedToken;
  readonly peer: PeerIdentity;
  readonly carrier: ServerResponse | Duplex;
}

/** The admission of one server. */
export function createAdmission(options: AdmissionOptions): OpenAdmission {
  const admitted = new WeakMap<IncomingMessage, Admitted>();
  const upgraded = new WeakSet<IncomingMessage>();
  const find = (request: IncomingMessage): Admitted => {
    const found = admitted.get(request);
    if (found === undefined)
      throw new SecurityError('UNAUTHENTICATED', { detail: 'The request was not admitted' });
    return found;
  };
  const running = new Set<Running>();
  const isOver = ({ token, peer }: Running): boolean =>
    options.isEnded(token) || options.isRefused(peer.thumbprint, peer.spiffeId);
  const stopFollowing = options.onStatusChange(() => {
    for (const one of running) if (isOver(one)) one.carrier.destroy();
  });
  const enter = async (
    request: IncomingMessage,
    response: ServerResponse,
    carrier: ServerResponse | Duplex,
  ): Promise<VerifiedToken> => {
    const { token, peer, trace } = await check(request, response, carrier, options);
    admitted.set(request, { token, peer, trace });
    if (carrier !== response) upgraded.add(request);
    const one = { token, peer, carrier };
    if (!carrier.destroyed) running.add(one);
    carrier.once('close', () => running.delete(one));
    return token;
  };
  return {
    close: stopFollowing,
    async admit(request, response) {
      try {
        return await enter(request, response, response);
      } catch (error) {
        answerWithError(response, error);
        return undefined;
      }
    },
    async admitUpgrade(request, socket) {
      socket.on('error', () => socket.destroy());
      const response = new ServerResponse(request);
      try {
        const token = await enter(request, response, socket);
        response.statusCode = 101;
        return token;
      } catch (error) {
        const refusal = graphqlErrorResponse(toSecurityError(error));
        response.statusCode = refusal.status;
        socket.end(formatResponse(refusal));
        return undefined;
      }
    },
    tokenOf(request) {
      const found = find(request);
      if (upgraded.has(request)) assertGood(found, options);
      return found.token;
    },
    traceOf: (request) => find(request).trace,
  };
}

/** What is asked of a request once is asked of a connection at each of its operations. */
function assertGood({ token, peer }: Admitted, options: AdmissionOptions): void {
  options.assertFresh();
  const problem =
    token.claims.exp <= epochSeconds(options.clock)
      ? 'the token has expired'
      : options.isEnded(token) || options.isRefused(peer.thumbprint, peer.spiffeId)
        ? 'the token or the certificate is revoked'
        : options.known.problemOf(peer);
  if (problem !== undefined) throw new SecurityError('UNAUTHENTICATED', { detail: problem });
}

/** Answers a GraphQL request that could not run, as JSON with its status; what is no SecurityError becomes `INTERNAL_SERVER_ERROR`. */
export function answerWithError(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { status, headers, body } = graphqlErrorResponse(toSecurityError(error));
  response.writeHead(status, headers as Record<string, string>).end(body);
}

/** The span of a request ends with its answer or its connection, or when its client leaves. */
function endWithAnswer(
  span: Span,
  { method = '' }: IncomingMessage,
  response: ServerResponse,
  carrier: ServerResponse | Duplex,
): void {
  carrier.once('close', () => {
    const { statusCode } = response;
    span.set('http.request.method', method);
    span.set('http.response.status_code', statusCode);
    span.end(statusCode >= 500 ? String(statusCode) : undefined);
  });
}

async function check(
  request: IncomingMessage,
  response: ServerResponse,
  carrier: ServerResponse | Duplex,
  { peers, known, verify, isRefused, tracer = NO_TRACER }: AdmissionOptions,
): Promise<Admitted> {
  const { socket } = request;
  if (!(socket instanceof TLSSocket))
    throw new SecurityError('MTLS_REQUIRED', { detail: 'The connection is plain' });
  // Whoever is on the list decides whether its requests are traced.
  const traces = { tracer, honoursFlag: () => true };
  const incoming = new IncomingRequest(request, response, known.read(socket), undefined, traces);
  const peer = requirePeer(incoming, peers);
  const problem = isRefused(peer.thumbprint, peer.spiffeId)
    ? 'is revoked, or its service is suspended'
    : known.problemOf(peer);
  if (problem !== undefined) {
    response.setHeader('connection', 'close'); // what was opened before ends with its certificate
    throw new SecurityError('UNAUTHENTICATED', { detail: `the client's certificate ${problem}` });
  }
  const { trace } = incoming;
  const span = tracer.startRequest(`${incoming.method} ${incoming.path}`, trace);
  if (span !== undefined) endWithAnswer(span, request, response, carrier);
  return { token: await requireAccessToken(incoming, verify, { bindingRequired: true }), peer, trace };
}
