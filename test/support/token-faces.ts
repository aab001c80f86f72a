import { readFileSync } from 'node:fs';
import { SecurityError } from '@aduana/core/errors/security-error';
import { createSpentProofs } from '@aduana/core/tokens/spent-proofs';
import { createAccessTokenVerifier } from '@aduana/core/tokens/verify-access-token';
import { createDpopVerifier } from '@aduana/core/tokens/verify-dpop-proof';
import { Secret } from '@aduana/core/secrets/secret';
import { createExchange } from '../../gateway/exchange/exchange.ts';
import { createSubgraphRoute } from '../../subgraphs/subgraph-route.ts';
import { createResolvers } from '../../subgraphs/sts/resolvers.ts';
import { createServiceRequest, type RequestParts } from './service-request.ts';
import { ISSUER, type TestSts } from './test-sts.ts';

/** What a face answered: 200 for an accepted token. */
export interface FaceAnswer {
  readonly status: number;
  readonly code: string | undefined;
  /** Everything that left. */
  readonly text: string;
}

/** The places where somebody may show an access token, each asked as from outside. */
export type FaceName = 'gateway' | 'sts' | 'subgraph';

export interface TokenFace {
  /** Claims that the face wants beside those of any access token. */
  readonly claims: Readonly<Record<string, unknown>>;
  ask(token: string): Promise<FaceAnswer>;
}

export type TokenFaces = Readonly<Record<FaceName, TokenFace>>;

export async function openTokenFaces(sts: TestSts): Promise<TokenFaces> {
  const { clock, log } = sts.platform;
  const peer = await sts.peer('gateway');
  const exchange = createExchange({
    sts: { exchangeBearer: () => Promise.reject(new TypeError('carried to the STS')) } as never,
    verify: createAccessTokenVerifier({
      issuer: ISSUER,
      audience: 'gateway',
      keys: sts.ring,
      status: sts.status,
      clock,
    }),
    verifyProof: createDpopVerifier({ clock, spend: createSpentProofs(clock) }),
    issuer: ISSUER,
    limitClaims: (claims) => claims,
    isTrustedIssuer: () => false,
    isRegistered: () => false,
    clock,
  });
  const route = await createSubgraphRoute({
    name: 'sts',
    sdl: readFileSync('subgraphs/sts/schema.graphql', 'utf8'),
    resolvers: createResolvers({ ...sts, now: () => clock.now() }),
    peers: new Set([peer.spiffeId]),
    verify: sts.verify,
    mode: 'filter',
    log,
  });
  const bearer = (token: string): RequestParts => ({ headers: { authorization: `Bearer ${token}` } });
  return {
    gateway: {
      claims: { aud: 'gateway' },
      ask: (token) =>
        settle(async () => {
          const credential = { kind: 'bearer', token: Secret.of(token) } as const;
          const request = createServiceRequest(bearer(token));
          await exchange({ stage: 'authenticated', credential, trace: request.trace }, request);
          return { status: 200, text: '' };
        }),
    },
    sts: {
      claims: { aud: 'sts' },
      ask: (token) =>
        settle(async () => {
          const { status, body } = await sts.call({
            path: '/sts/introspect',
            encrypted: false,
            headers: {
              'content-type': 'application/x-www-form-urlencoded',
              authorization: `Bearer ${token}`,
            },
            body: 'token=x',
          });
          return { status, text: String(body) };
        }),
    },
    subgraph: {
      claims: { aud: 'sts', cnf: { 'x5t#S256': peer.thumbprint } },
      ask: (token) =>
        settle(async () => {
          const { status, body } = await route.handle(
            createServiceRequest({
              ...bearer(token),
              peer,
              body: JSON.stringify({ query: '{ whoami { subject } }' }),
            }),
          );
          return { status, text: String(body) };
        }),
    },
  };
}

async function settle(ask: () => Promise<{ status: number; text: string }>): Promise<FaceAnswer> {
  try {
    const { status, text } = await ask();
    return { status, text, code: /"code":"(\w+)"|"error":"(\w+)"/.exec(text)?.slice(1).find(Boolean) };
  } catch (error) {
    if (!(error instanceof SecurityError)) throw error;
    const { status, code, message } = error;
    return { status, code, text: message };
  }
}
