import { join } from 'node:path';
import { openSpool } from '../audit/spool.ts';
import type { EventBus } from '../bus/event-bus.ts';
import { auditUrl, type HouseSettings, stsIssuer, stsTokenUrl } from '../config/house-settings.ts';
import { SecurityError } from '../errors/security-error.ts';
import type { TlsIdentity } from '../mtls/tls-identity.ts';
import { random } from '../platform/ids.ts';
import type { Platform } from '../platform/platform.ts';
import { Secret } from '../secrets/secret.ts';
import type { SecretProvider } from '../secrets/secret-provider.ts';
import { STATUS_TOPIC, type StatusPage } from '../status/status-entry.ts';
import { createStatusReader, type StatusReader } from '../status/status-reader.ts';
import { createJwksClient } from '../tokens/jwks-client.ts';
import type { KeySource } from '../tokens/key-source.ts';
import { SIGNING_ALGORITHMS } from '../tokens/signing-algorithm.ts';
import { createAccessTokenVerifier, type VerifyAccessToken } from '../tokens/verify-access-token.ts';
import { type AuditClient, createAuditClient } from './audit-client.ts';
import { createSecureClient, type SecureClient } from './secure-client.ts';
import type { SecurePeer } from './secure-peer.ts';
import { createStsClient, type StsClient } from './sts-client.ts';

export interface HouseLineOptions {
  /** This service's id. */
  readonly service: string;
  readonly settings: HouseSettings;
  readonly platform: Platform & {
    readonly identity: TlsIdentity;
    readonly bus: EventBus;
    readonly secrets: SecretProvider;
  };
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
  readonly audit: AuditClient;
  /** What `/health` tells of the lines: `ok`, or what is wrong. */
  check(): Readonly<Record<string, string>>;
  close(): Promise<void>;
}

const CALL_TIMEOUT_MS = 3_000;
const STATUS_PAGE_BYTES = 8_388_608;
const SMALL_ANSWER_BYTES = 262_144;

/** Opens the lines; none of the other services needs to be there yet. */
export async function openHouseLine({ service, settings, platform }: HouseLineOptions): Promise<HouseLine> {
  const { clock, log, bus, identity, secrets } = platform;
  const issuer = stsIssuer(settings);
  const client = createSecureClient({ identity, clock, log });
  const callee = (name: string) => `spiffe://${settings.TRUST_DOMAIN}/${name}`;
  const stsPeer = client.peer({
    origin: new URL(stsTokenUrl(settings)).origin,
    spiffeId: callee('sts'),
    failureCode: 'STS_UNAVAILABLE',
  });
  const auditPeer = client.peer({
    origin: new URL(auditUrl(settings)).origin,
    spiffeId: callee('audit'),
    failureCode: 'AUDIT_UNAVAILABLE',
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
    clock,
  });
  const spool = await openSpool({
    folder: join(settings.ADUANA_HOME, 'spool', service),
    key: await spoolKey(secrets, service),
    maxBytes: settings.AUDIT_SPOOL_MAX_BYTES,
    log,
  });
  const audit = createAuditClient({
    instance: `${service}@${settings.INSTANCE}`,
    spool,
    mode: settings.AUDIT_MODE,
    platform,
    async post(body, signal) {
      const token = await sts.ownToken('audit');
      const answer = await auditPeer.request({
        method: 'POST',
        path: '/audit/events',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token.reveal()}` },
        body,
        timeoutMilliseconds: CALL_TIMEOUT_MS,
        maxResponseBytes: SMALL_ANSWER_BYTES,
        signal,
      });
      if (answer.status >= 300) throw refusal(answer.status, answer.body);
    },
  });

  return {
    client,
    sts,
    stsPeer,
    status,
    keys,
    audit,
    verifier: (audience) => createAccessTokenVerifier({ issuer, audience, keys, status, clock }),
    check: () => ({ status: status.fresh ? 'ok' : 'what is revoked is not known', audit: audit.state }),
    async close() {
      await audit.stop();
      await spool.close();
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

/** 400, 409, 413, 415 and 422 condemn what was sent; all else is worth another try. */
function refusal(status: number, body: Buffer): SecurityError {
  const detail = `the audit log answered ${String(status)}: ${body.toString('utf8').slice(0, 200)}`;
  if (status === 409) return new SecurityError('AUDIT_CONFLICT', { detail });
  if (status === 413) return new SecurityError('PAYLOAD_TOO_LARGE', { detail });
  if (status === 415) return new SecurityError('UNSUPPORTED_MEDIA_TYPE', { detail });
  return new SecurityError(status === 400 || status === 422 ? 'BAD_REQUEST' : 'AUDIT_UNAVAILABLE', {
    detail,
  });
}

/** The key of this service's spool, made when it is first wanted. */
async function spoolKey(secrets: SecretProvider, service: string): Promise<Uint8Array> {
  const name = `spool-keys/${service}`;
  const stored = await secrets.get(name);
  if (stored !== undefined) return stored.value.revealBytes();
  const made = Secret.of(random(32));
  try {
    await secrets.put(name, made, 0);
    return made.revealBytes();
  } catch (error) {
    const other = await secrets.get(name);
    if (other === undefined) throw error;
    return other.value.revealBytes();
  }
}
