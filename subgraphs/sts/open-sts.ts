import type { AuditSink } from '@aduana/core/audit/audit-sink';
import type { AuditClient } from '@aduana/core/client/audit-client';
import { openAuditLine } from '@aduana/core/client/audit-line';
import { createSecureClient } from '@aduana/core/client/secure-client';
import type { ServicePlatform } from '@aduana/core/http/service-platform';
import { openPolicies } from '@aduana/core/iam/live-policies';
import { describeError, type Log } from '@aduana/core/platform/log';
import { STATUS_TOPIC } from '@aduana/core/status/status-entry';
import { createStatusReader, type StatusReader } from '@aduana/core/status/status-reader';
import type { RotationTiming } from '@aduana/core/tokens/key-set';
import { createAccessTokenVerifier, type VerifyAccessToken } from '@aduana/core/tokens/verify-access-token';
import { createAttemptLimit } from './clients/attempt-limit.ts';
import type { ClientAuthenticationOptions } from './clients/authenticate-client.ts';
import { createClientAssertions } from './clients/client-assertion.ts';
import { openClientSecrets } from './clients/client-secrets.ts';
import {
  rotateClientSecret,
  seedClientSecrets,
  type SecretRotation,
  type SecretRotationOrder,
} from './clients/rotate-client-secret.ts';
import { longestSigning, type StsSettings } from './config.ts';
import { type KeyRing, openKeyRing } from './keys/key-ring.ts';
import { ensureKeySet, type KeyRotation, rotateKeys, type RotationOrder } from './keys/key-rotation.ts';
import { scheduleKeyRotation } from './keys/key-schedule.ts';
import { MIGRATIONS } from './migrations.ts';
import { createOwnToken } from './own-token.ts';
import { keepPruned } from './prune.ts';
import { type Revocation, type RevocationOrder, revokeToken } from './status/revoke-token.ts';
import { readStatusPage } from './status/status-store.ts';
import { fetchJwks } from './token/fetch-jwks.ts';
import { createForeignTokenVerifier } from './token/foreign-token.ts';
import type { SubjectTokenOptions } from './token/subject-token.ts';
import { createTokenIssuer, type IssueToken } from './token/token-issuer.ts';
import { createTokenRegister, type TokenRegister } from './token/token-register.ts';

export interface StsOptions {
  readonly settings: StsSettings;
  readonly timing: RotationTiming;
  readonly issuer: string;
  readonly platform: ServicePlatform;
}

/** The rooms of the STS, put together. */
export interface OpenSts {
  readonly settings: StsSettings;
  readonly issuer: string;
  readonly platform: ServicePlatform;
  readonly store: Awaited<ReturnType<ServicePlatform['openStore']>>;
  readonly ring: KeyRing;
  readonly status: StatusReader;
  readonly register: TokenRegister;
  readonly audit: AuditClient;
  readonly clients: ClientAuthenticationOptions;
  readonly subjects: Omit<SubjectTokenOptions, 'engine'>;
  readonly issue: IssueToken;
  /** Of tokens for the audience `sts`. */
  readonly verify: VerifyAccessToken;
  /** Of tokens for any audience. */
  readonly verifyAny: VerifyAccessToken;
  rotate(order: RotationOrder): Promise<KeyRotation>;
  rotateSecret(order: SecretRotationOrder): Promise<SecretRotation>;
  revoke(order: RevocationOrder): Promise<Revocation>;
  close(): Promise<void>;
}

/** How long a rotation waits for others that mean the same step. */
const GATHER_MS = 250;

/** Opens store, keys, secrets, policies and the lines to feed and log; none of the other services needs to be there. */
export async function openSts({ settings, timing, issuer, platform }: StsOptions): Promise<OpenSts> {
  const { clock, log, bus, secrets, identity } = platform;
  const store = await platform.openStore('sts', MIGRATIONS);
  const database = store.writer;
  const livePolicies = await openPolicies({ folder: settings.POLICIES_DIR, clock, log });
  const policies = () => livePolicies.current();
  const base = { database, secrets, bus, platform };
  const algorithm = settings.SIGNING_ALGORITHM;
  await ensureKeySet({ ...base, algorithm });
  const ring = await openKeyRing({ ...base, longestSigningMilliseconds: longestSigning(settings) });
  const status = createStatusReader({
    fetchPage: (after) => readStatusPage(database, after),
    onWake: (listener) => bus.subscribe(STATUS_TOPIC, listener),
    clock,
    log,
  });
  await status.ready;
  const register = createTokenRegister(database);
  const own = openOwnAudit({ settings, timing, issuer, platform }, ring, register, policies);
  const { audit } = await own.line;
  await seedClientSecrets(secretUsers(policies()), base, log);
  const clientSecrets = await openClientSecrets(database, bus, platform);

  const verifierOptions = { issuer, keys: ring, status, clock };
  const verifyAny = createAccessTokenVerifier({ ...verifierOptions, audience: undefined });
  const rotationOptions = { ...base, audit, algorithm, timing, gatherMilliseconds: GATHER_MS };
  const rotate = (order: RotationOrder) => rotateKeys(order, ring, rotationOptions);
  const { SIGNING_KEY_ROTATION_INTERVAL: interval } = settings;
  const schedule = interval === 'off' ? undefined : scheduleKeyRotation(interval, ring, rotate, platform);
  const pruning = keepPruned(database, platform);

  return {
    settings,
    issuer,
    platform,
    store,
    ring,
    status,
    register,
    audit,
    clients: {
      policies,
      secrets: clientSecrets,
      assertions: createClientAssertions({ policies, database, clock, issuer }),
      attempts: createAttemptLimit(database, clock),
      status,
    },
    subjects: {
      issuer,
      trustDomain: settings.TRUST_DOMAIN,
      clock,
      status,
      verify: verifyAny,
      verifyForeign: createForeignTokenVerifier({ policies, platform, fetchJwks }),
      authorities: () => identity.current().authorities,
    },
    issue: createTokenIssuer({ issuer, ring, register, audit, clock }),
    verify: createAccessTokenVerifier({ ...verifierOptions, audience: 'sts' }),
    verifyAny,
    rotate,
    rotateSecret: (order) => rotateClientSecret(order, clientSecrets, rotationOptions),
    revoke: (order) => revokeToken(order, { database, register, bus, audit, status, clock }),
    async close() {
      await Promise.all([schedule?.stop(), pruning.stop(), clientSecrets.stop(), livePolicies.stop()]);
      await own.close();
      await Promise.all([ring.stop(), status.stop()]);
    },
  };
}

/** The STS's line to the log: it signs its own tokens for it, whose events are recorded and not waited for. */
function openOwnAudit(
  { settings, issuer, platform }: StsOptions,
  ring: KeyRing,
  register: TokenRegister,
  policies: OpenSts['clients']['policies'],
) {
  const { clock, log, identity } = platform;
  const client = createSecureClient(platform);
  const ownThumbprint = (): string => identity.current().thumbprint;
  const issue = createTokenIssuer({ issuer, ring, register, audit: unawaited(() => line, log), clock });
  const ownToken = createOwnToken({ issuer, policies, issue, ownThumbprint, clock });
  const line = Promise.resolve().then(() =>
    openAuditLine({ client, sts: { ownToken } }, { service: 'sts', settings, platform }),
  );
  return {
    line,
    async close() {
      await (await line).close();
      await client.close();
    },
  };
}

function unawaited(line: () => Promise<{ readonly audit: AuditSink }>, log: Log): AuditSink {
  return {
    record(record) {
      line()
        .then(({ audit }) => audit.record(record))
        .catch((error: unknown) => {
          log.error('a token of the STS itself could not be recorded', { error: describeError(error) });
        });
      return Promise.resolve('');
    },
  };
}

function secretUsers(engine: ReturnType<OpenSts['clients']['policies']>): readonly string[] {
  return [...engine.services.values()]
    .filter(({ authentication }) => authentication.some((method) => method.startsWith('client_secret_')))
    .map(({ id }) => id);
}
