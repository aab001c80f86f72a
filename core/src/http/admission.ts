import type { IncomingMessage, ServerResponse } from 'node:http';
import { TLSSocket } from 'node:tls';
import { SecurityError } from '../errors/security-error.ts';
import { createKnownPeers, type KnownPeers } from '../mtls/known-peers.ts';
import type { Clock } from '../platform/clock.ts';
import type { VerifiedToken } from '../tokens/access-token.ts';
import type { VerifyAccessToken } from '../tokens/verify-access-token.ts';
import { graphqlErrorResponse, toSecurityError } from './error-response.ts';
import { IncomingRequest } from './incoming-request.ts';
import { requireAccessToken } from './require-access-token.ts';
import { requirePeer } from './require-peer.ts';

export interface AdmissionOptions {
  /** SPIFFE IDs of those who may ask. */
  readonly peers: ReadonlySet<string>;
  readonly trustDomain: string;
  /** The verifier of tokens for this service. */
  readonly verify: VerifyAccessToken;
  readonly isCertificateRevoked: (thumbprint: string) => boolean;
  /** DER of the CAs that are trusted now, as `TlsGeneration` has them. */
  readonly authorities: () => readonly Uint8Array[];
  readonly clock: Clock;
}

/** What Express hands a middleware; its own types are not needed. */
export type ExpressAdmission = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/** What Fastify hands an `onRequest` hook. */
export type FastifyAdmission = (
  request: { readonly raw: IncomingMessage },
  reply: { readonly raw: ServerResponse; hijack(): unknown },
) => Promise<void>;

/** The door of a server that is not of the house: a peer on the list, over mTLS, with a token that is bound to it. */
export interface Admission {
  /**
   * For `node:http`: the token of a request that may come in; undefined where it was refused and answered.
   */
  admit(request: IncomingMessage, response: ServerResponse): Promise<VerifiedToken | undefined>;
  readonly express: ExpressAdmission;
  readonly fastify: FastifyAdmission;
  /**
   * The token of a request that was admitted.
   *
   * @throws SecurityError `UNAUTHENTICATED` for any other
   */
  tokenOf(request: IncomingMessage): VerifiedToken;
}

export function createAdmission(options: AdmissionOptions): Admission {
  const admitted = new WeakMap<IncomingMessage, VerifiedToken>();
  const known = createKnownPeers(options);

  async function admit(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<VerifiedToken | undefined> {
    try {
      const token = await check(request, response, options, known);
      admitted.set(request, token);
      return token;
    } catch (error) {
      const { status, headers, body } = graphqlErrorResponse(toSecurityError(error));
      response.writeHead(status, headers as Record<string, string>).end(body);
      return undefined;
    }
  }

  return {
    admit,
    express(request, response, next) {
      admit(request, response).then((token) => {
        if (token !== undefined) next();
      }, next);
    },
    async fastify(request, reply) {
      if ((await admit(request.raw, reply.raw)) === undefined) reply.hijack();
    },
    tokenOf(request) {
      const token = admitted.get(request);
      if (token === undefined)
        throw new SecurityError('UNAUTHENTICATED', { detail: 'The request was not admitted' });
      return token;
    },
  };
}

async function check(
  request: IncomingMessage,
  response: ServerResponse,
  { peers, verify, isCertificateRevoked }: AdmissionOptions,
  known: KnownPeers,
): Promise<VerifiedToken> {
  const { socket } = request;
  if (!(socket instanceof TLSSocket))
    throw new SecurityError('MTLS_REQUIRED', { detail: 'The connection is plain' });
  const incoming = new IncomingRequest(request, response, known.read(socket));
  const peer = requirePeer(incoming, peers);
  const problem = isCertificateRevoked(peer.thumbprint) ? 'is revoked' : known.problemOf(peer);
  if (problem !== undefined)
    throw new SecurityError('UNAUTHENTICATED', { detail: `the client's certificate ${problem}` });
  return requireAccessToken(incoming, verify, { bindingRequired: true });
}
