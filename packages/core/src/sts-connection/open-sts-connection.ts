import { SecurityError } from '../errors/security-error.ts';
import { createSecureClient, type SecureClient } from '../mtls-client/secure-client.ts';
import type { SecurePeer } from '../mtls-client/secure-peer.ts';
import type { TlsIdentity } from '../mtls/tls-identity.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { StatusPage } from '../status/status-entry.ts';
import { createStatusReader, type StatusReader } from '../status/status-reader.ts';
import { createJwksClient } from '../tokens/jwks-client.ts';
import type { KeySource } from '../tokens/key-source.ts';
import { SIGNING_ALGORITHMS } from '../tokens/signing-algorithm.ts';
import type { AccessTokenClaims } from '../tokens/access-token.ts';
import { createAccessTokenVerifier, type VerifyAccessToken } from '../tokens/verify-access-token.ts';

/** Which STS is called, and with which certificate. */
export interface StsConnectionOptions {
  /** The token endpoint of the STS; the status feed and the JWK set are at the same origin. */
  readonly tokenUrl: string;
  /** The issuer identifier of its tokens. */
  readonly issuer: string;
  readonly trustDomain: string;
  /** This service's own certificate. */
  readonly identity: TlsIdentity;
  readonly clock: Clock;
  readonly log: Log;
  /** Calls back when the status feed may have changed, and returns what ends that; default: polling alone. */
  readonly wake?: (listener: () => void) => () => void;
  /** What a verified token is worth here now; default: what the STS wrote into it. */
  readonly limitClaims?: ((claims: AccessTokenClaims) => AccessTokenClaims) | undefined;
}

/** A connection to the STS over mTLS: the keys that verify tokens, and what is revoked. */
export interface StsConnection {
  /** For calls to other services as well; it refuses callees whose certificate is revoked. */
  readonly client: SecureClient;
  readonly stsPeer: SecurePeer;
  readonly tokenUrl: string;
  readonly status: StatusReader;
  readonly keys: KeySource;
  /** The verifier of access tokens for `audience`. */
  verifier(audience: string): VerifyAccessToken;
  /** Ends the reading of the status feed, and then the connections. */
  close(): Promise<void>;
}

const CALL_TIMEOUT_MS = 3_000;
const STATUS_PAGE_BYTES = 8_388_608;
const JWK_SET_BYTES = 262_144;

/**
 * Opens the connection in the background: the STS need not be there yet, and until it is, every token is refused.
 *
 * @example
 * const connection = openStsConnection({ tokenUrl, issuer, trustDomain, identity, clock, log });
 * const { claims } = await connection.verifier('orders')(token);
 */
export function openStsConnection(options: StsConnectionOptions): StsConnection {
  const {
    tokenUrl,
    issuer,
    trustDomain,
    identity,
    clock,
    log,
    wake = () => () => undefined,
    limitClaims,
  } = options;
  const client = createSecureClient({ identity, clock, log });
  const stsPeer = client.peer({
    origin: new URL(tokenUrl).origin,
    spiffeId: `spiffe://${trustDomain}/sts`,
    failureCode: 'STS_UNAVAILABLE',
  });
  const status = createStatusReader({
    fetchPage: async (after) =>
      (await getJson(stsPeer, `/sts/status?after=${String(after)}`, STATUS_PAGE_BYTES))
        .document as StatusPage,
    onWake: wake,
    clock,
    log,
  });
  client.heedRevocations(status);
  const keys = createJwksClient({
    fetch: () => getJson(stsPeer, '/sts/jwks', JWK_SET_BYTES),
    algorithms: [...SIGNING_ALGORITHMS],
    clock,
    log,
  });
  return {
    client,
    stsPeer,
    tokenUrl,
    status,
    keys,
    verifier: (audience) => createAccessTokenVerifier({ issuer, audience, keys, status, clock, limitClaims }),
    async close() {
      await status.stop();
      await client.close();
    },
  };
}

async function getJson(peer: SecurePeer, path: string, maxResponseBytes: number) {
  const { status, headers, body } = await peer.request({
    method: 'GET',
    path,
    timeoutMilliseconds: CALL_TIMEOUT_MS,
    maxResponseBytes,
  });
  if (status !== 200)
    throw new SecurityError('STS_UNAVAILABLE', { detail: `${path} answered ${String(status)}` });
  const maxAge = /max-age=(\d+)/.exec(headers['cache-control'] ?? '')?.[1];
  const document: unknown = JSON.parse(body.toString('utf8'));
  return { document, maxAgeSeconds: maxAge === undefined ? undefined : Number(maxAge) };
}
