import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditRecord } from '@aduana/client/audit/audit-event';
import { createInProcessBus } from '@aduana/server-kit/bus/in-process-bus';
import type { EventBus } from '@aduana/core/bus/event-bus';
import { loadConfig } from '@aduana/server-kit/config/load-config';
import type { Route, ServiceResponse } from '@aduana/core/http/route';
import type { PeerIdentity } from '@aduana/core/mtls/peer-identity';
import { type Clock, createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createMetrics } from '@aduana/server-kit/platform/create-metrics';
import { Secret } from '@aduana/core/secrets/secret';
import type { SecretProvider } from '@aduana/server-kit/secrets/secret-provider';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import { decodeJwt } from 'jose';
import { readRotationTiming, STS_SETTINGS } from '../../subgraphs/sts/config.ts';
import { type OpenSts, openSts } from '../../subgraphs/sts/open-sts.ts';
import { createRoutes } from '../../subgraphs/sts/create-routes.ts';
import { createMemorySecrets } from './memory-secrets.ts';
import type { SigningKeysWorld } from './signing-keys.ts';
import { createServiceRequest, type RequestParts } from './service-request.ts';
import type { OpenStore, TestStore } from './stores.ts';
import { createTestCa, type TestCa } from './test-ca.ts';
import { issueTestIdentity } from './test-identity.ts';

export const ISSUER = 'https://localhost:8011';

export interface TestStsOptions {
  readonly openStore: OpenStore;
  readonly issuer?: string;
  /** A store that another replica works on. */
  readonly store?: TestStore;
  readonly clock?: Clock;
  readonly bus?: EventBus;
  readonly secrets?: SecretProvider;
  readonly ca?: TestCa;
  readonly environment?: Readonly<Record<string, string>>;
  /** Files of the policies folder by name, instead of the shipped ones. */
  readonly policies?: Readonly<Record<string, string>>;
  /** Those that have a client secret; hashing one takes its time. Default: all. */
  readonly clients?: readonly string[];
  /** Where signing keys lie if not in the store. */
  readonly remoteKeys?: SigningKeysWorld['remoteKeys'];
  /** What the audit log answers; default: it takes everything. */
  readonly onRecord?: (record: AuditRecord) => Promise<void>;
}

/** An STS with all of its parts, without sockets: routes are called as the server would. */
export interface TestSts extends OpenSts {
  readonly ca: TestCa;
  readonly records: AuditRecord[];
  readonly routes: readonly Route[];
  readonly secrets: SecretProvider;
  call(parts: RequestParts): Promise<ServiceResponse>;
  /** `POST /sts/token` with a form. */
  token(form: Readonly<Record<string, string>>, parts?: RequestParts): Promise<TokenAnswer>;
  /** The peer of a connection with a certificate of this service. */
  peer(service: string): Promise<PeerIdentity>;
}

export interface TokenAnswer {
  readonly status: number;
  readonly headers: NonNullable<ServiceResponse['headers']>;
  readonly body: Readonly<Record<string, unknown>>;
  /** The claims of the access token; an empty object where there is none. */
  readonly claims: AccessTokenClaims;
}

/** The secrets that the clients of the shipped policies authenticate with. */
export const SECRETS: Readonly<Record<string, string>> = {
  bff: 'bff-secret-0123456789',
  actuator: 'actuator-secret-0123456789',
  operator: 'operator-secret-0123456789',
  auditor: 'auditor-secret-0123456789',
};

export function basic(id: string, secret: string = SECRETS[id] ?? ''): { readonly authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` };
}

export async function openTestSts(options: TestStsOptions): Promise<TestSts> {
  const { clock = createSystemClock(), bus = createInProcessBus(), ca = await createTestCa() } = options;
  const secrets = options.secrets ?? (await seededSecrets(options.clients));
  const folder = options.policies === undefined ? 'policies' : writePolicies(options.policies);
  const settings = loadConfig(STS_SETTINGS, {
    POLICIES_DIR: folder,
    SIGNING_KEYS: options.remoteKeys?.kind,
    ...options.environment,
  });
  const records: AuditRecord[] = [];
  const platform = {
    clock,
    bus,
    secrets,
    log: createLog('silent', () => undefined),
    metrics: createMetrics(),
    identity: await issueTestIdentity(ca, 'sts'),
    openStore: (...of: Parameters<OpenStore>) => Promise.resolve(options.store ?? options.openStore(...of)),
  };
  const record = async (event: AuditRecord): Promise<string> => {
    records.push(event);
    await options.onRecord?.(event);
    return 'event';
  };
  const audit = {
    record,
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    state: 'direct' as const,
  };
  const sts = await openSts({
    settings,
    timing: readRotationTiming(settings),
    issuer: options.issuer ?? ISSUER,
    platform: platform,
    openRemoteKeys: () =>
      options.remoteKeys?.open(clock) ?? Promise.reject(new TypeError('no remote keys were expected')),
    openAudit: () => Promise.resolve({ audit: audit as never, close: () => Promise.resolve() }),
  });
  const routes = createRoutes(sts);
  const call = (parts: RequestParts): Promise<ServiceResponse> => callRoute(routes, parts);
  return {
    ...sts,
    ca,
    records,
    routes,
    secrets,
    call,
    token: (form, parts) => postForm(call, '/sts/token', form, parts),
    async peer(service) {
      const { chain, thumbprint } = await ca.issue(service);
      return {
        spiffeId: `spiffe://aduana.local/${service}`,
        thumbprint,
        chain,
        notAfter: clock.now() + 86_400_000,
      };
    },
  };
}

async function callRoute(routes: readonly Route[], parts: RequestParts): Promise<ServiceResponse> {
  const { method = 'POST', path } = parts;
  const route = routes.find((one) => one.method === method && one.path === path);
  if (route === undefined) throw new TypeError(`no route ${method} ${path ?? ''}`);
  return route.handle(createServiceRequest({ encrypted: true, ...parts }));
}

/** Posts a form and parses the answer. */
export async function postForm(
  call: (parts: RequestParts) => Promise<ServiceResponse>,
  path: string,
  form: Readonly<Record<string, string>> | string,
  parts: RequestParts = {},
): Promise<TokenAnswer> {
  const body = typeof form === 'string' ? form : new URLSearchParams(form).toString();
  const { status, headers = {}, body: answer } = await call({
    path,
    ...parts,
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...parts.headers },
    body,
  }); // prettier-ignore
  const parsed = (answer === undefined ? {} : JSON.parse(String(answer))) as Record<string, unknown>;
  const token = parsed['access_token'];
  const claims = (typeof token === 'string' ? decodeJwt(token) : {}) as unknown as AccessTokenClaims;
  return { status, headers, body: parsed, claims };
}

/** A secret provider that knows the secrets of these clients: replicas share one. */
export async function seededSecrets(
  clients: readonly string[] = Object.keys(SECRETS),
): Promise<SecretProvider> {
  const secrets = createMemorySecrets();
  for (const id of clients) await secrets.put(`client-secrets/${id}`, Secret.of(SECRETS[id] ?? ''), 0);
  return secrets;
}

function writePolicies(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'aduana-policies-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}
