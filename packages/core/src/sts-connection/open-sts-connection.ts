import { type HouseSettings, stsIssuer, stsTokenUrl } from '../config/house-settings.ts';
import { SecurityError } from '../errors/security-error.ts';
import { STATUS_TOPIC, type StatusPage } from '../status/status-entry.ts';
import { createStatusReader, type StatusReader } from '../status/status-reader.ts';
import { createJwksClient } from '../tokens/jwks-client.ts';
import type { KeySource } from '../tokens/key-source.ts';
import { SIGNING_ALGORITHMS } from '../tokens/signing-algorithm.ts';
import { createAccessTokenVerifier, type VerifyAccessToken } from '../tokens/verify-access-token.ts';
import type { ClientPlatform } from './client-platform.ts';
import { createSecureClient, type SecureClient } from './secure-client.ts';
import type { SecurePeer } from './secure-peer.ts';
import { createStsClient, type StsClient } from './sts-client.ts';

export interface HouseLineOptions {
  /** This service's id. */
  readonly service: string;
  readonly settings: HouseSettings;
  readonly platform: ClientPlatform;
}

/** A service's lines to the rest of the house, all over mTLS: tokens and what is revoked from the STS, events to the log. */
export interface HouseLine {
  readonly client: SecureClient;
  readonly sts: StsClient;
  readonly stsPeer: SecurePeer;
  readonly status: StatusReader;
  readonly keys: KeySource;
  /** The verifier of tokens for `audience`. */
  verifier(audience: string): VerifyAccessToken;
  /** What `/health` tells of the lines: `ok`, or what is wrong. */
  check(): Readonly<Record<string, string>>;
  close(): Promise<void>;
}

const CALL_TIMEOUT_MS = 3_000;
const STATUS_PAGE_BYTES = 8_388_608;
const SMALL_ANSWER_BYTES = 262_144;

/** Opens the lines; none of the other services needs to be there yet. */
export function openHouseLine({ settings, platform }: HouseLineOptions): HouseLine {
  const { clock, log, bus, identity } = platform;
  const issuer = stsIssuer(settings);
  const client = createSecureClient({ identity, clock, log });
  const stsPeer = client.peer({
    origin: new URL(stsTokenUrl(settings)).origin,
    spiffeId: `spiffe://${settings.TRUST_DOMAIN}/sts`,
    failureCode: 'STS_UNAVAILABLE',
  });
  const status = createStatusReader({
    fetchPage: async (after) =>
      (await getJson(stsPeer, `/sts/status?after=${String(after)}`, STATUS_PAGE_BYTES))
        .document as StatusPage,
    onWake: (listener) => bus.subscribe(STATUS_TOPIC, listener),
    clock,
    log,
  });
  client.heedRevocations(status);
  const keys = createJwksClient({
    fetch: () => getJson(stsPeer, '/sts/jwks', SMALL_ANSWER_BYTES),
    algorithms: [...SIGNING_ALGORITHMS],
    clock,
    log,
  });
  const sts = createStsClient({
    send: ({ form, headers }) =>
      stsPeer.request({
        method: 'POST',
        path: new URL(stsTokenUrl(settings)).pathname,
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
        body: form.toString(),
        timeoutMilliseconds: CALL_TIMEOUT_MS,
        maxResponseBytes: SMALL_ANSWER_BYTES,
      }),
    status,
    ownThumbprint: () => identity.current().thumbprint,
    policiesSha256: () => status.policiesSha256,
    clock,
  });
  return {
    client,
    sts,
    stsPeer,
    status,
    keys,
    verifier: (audience) => createAccessTokenVerifier({ issuer, audience, keys, status, clock }),
    check: () => ({ status: status.fresh ? 'ok' : 'what is revoked is not known' }),
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
