import { type AnonymousFlood, openAnonymousFlood } from '@aduana/server-kit/audit/anonymous-flood';
import type { AuditClient } from '@aduana/client/audit/audit-client';
import { recordPolicies } from '@aduana/server-kit/audit/record-policies';
import type { ServicePlatform } from '@aduana/server-kit/http/service-platform';
import { showStatusAge } from '@aduana/server-kit/connections/show-status-age';
import { openPolicies } from '@aduana/server-kit/iam/live-policies';
import { STATUS_TOPIC } from '@aduana/core/status/status-entry';
import { createStatusReader, type StatusReader } from '@aduana/core/status/status-reader';
import type { RotationTiming } from '@aduana/server-kit/tokens/key-set';
import { readSecrets, type StoredSecret } from './clients/client-secret-store.ts';
import { type CollectClientSecret, createCollectClientSecret } from './clients/collect-client-secret.ts';
import { openClientSecrets } from './clients/client-secrets.ts';
import {
  rotateClientSecret,
  seedClientSecrets,
  type SecretRotation,
  type SecretRotationOrder,
} from './clients/rotate-client-secret.ts';
import { scheduleSecretRotation } from './clients/secret-schedule.ts';
import type { StsSettings } from './config.ts';
import type { KeyRing } from './keys/key-ring.ts';
import { type KeyRotation, rotateKeys, type RotationOrder } from './keys/key-rotation.ts';
import { showSigningKeys } from './keys/show-signing-keys.ts';
import { scheduleKeyRotation } from './keys/key-schedule.ts';
import { MIGRATIONS } from './migrations.ts';
import { type OpenAudit, openOwnAudit } from './own-audit.ts';
import { openRowSeals, shareSealKey } from './open-row-seals.ts';
import { openSigningKeys, type SigningKeysOptions } from './open-signing-keys.ts';
import { openStatusFeed } from './open-status-feed.ts';
import { openVerification, type Verification } from './open-verification.ts';
import { keepPruned } from './prune.ts';
import type { RowSeals } from '@aduana/server-kit/seals/row-seals';
import { type Revocation, type RevocationOrder, revokeToken } from './token/revoke-token.ts';
import { openSignals } from './signals/open-signals.ts';
import type { TakeSecurityEvent } from './signals/take-security-event.ts';
import type { StatusFeed } from './status/status-feed.ts';
import { createTokenIssuer, type IssueToken } from './token/token-issuer.ts';
import { createTokenRates, type TokenRates } from './token/token-rates.ts';
import { createTokenRegister, type TokenRegister } from './token/token-register.ts';

export interface StsOptions extends SigningKeysOptions {
  readonly timing: RotationTiming;
  readonly issuer: string;
  readonly openAudit: OpenAudit;
}

/** The parts of the STS, put together. */
export interface OpenSts extends Omit<Verification, 'verifySecurityEvent'> {
  readonly settings: StsSettings;
  readonly issuer: string;
  readonly platform: ServicePlatform;
  readonly store: Awaited<ReturnType<ServicePlatform['openStore']>>;
  readonly ring: KeyRing;
  readonly seals: RowSeals;
  /** Whether the keys can be signed with, as far as is known of those that lie elsewhere. */
  canSign(): boolean;
  readonly feed: StatusFeed;
  readonly status: StatusReader;
  readonly register: TokenRegister;
  readonly audit: AuditClient;
  readonly flood: AnonymousFlood;
  readonly issue: IssueToken;
  readonly rates: TokenRates;
  rotate(order: RotationOrder): Promise<KeyRotation>;
  rotateSecret(order: SecretRotationOrder): Promise<SecretRotation>;
  /** The versions of client secrets that the STS wrote itself, of each service the newest first. */
  listSecrets(): Promise<readonly StoredSecret[]>;
  readonly collectSecret: CollectClientSecret;
  readonly takeSecurityEvent: TakeSecurityEvent;
  revoke(order: RevocationOrder): Promise<Revocation>;
  close(): Promise<void>;
}

/** How long a rotation waits for others that mean the same step. */
const GATHER_MS = 250;

/** Opens store, keys, secrets, policies and the connections to feed and log; none of the other services needs to be there. */
export async function openSts(options: StsOptions): Promise<OpenSts> {
  const { settings, timing, issuer, platform, openAudit } = options;
  const { clock, bus, secrets } = platform;
  const base = await openBase(options);
  const { database, policies, ring, seals, status, register } = base;
  const signing = { issuer, ring, register, clock };
  const { audit, close: closeAudit } = await openOwnAudit({ signing, policies, status, openAudit, platform });
  recordPolicies('sts', base.livePolicies, audit, platform);
  seals.forged.recordWith(audit);
  showStatusAge(platform.metrics, status);
  showSigningKeys(ring, settings.SIGNING_KEY_ROTATION_INTERVAL, platform);
  const clientSecrets = await openClientSecrets(database, seals, status, bus, platform);
  const limits = openLimits(settings, audit, platform);

  const rotation = { database, secrets, seals, bus, audit, platform, timing, gatherMilliseconds: GATHER_MS };
  const rotate = (order: RotationOrder) => rotateKeys(order, ring, { ...rotation, custody: base.custody });
  const rotateSecret = (order: SecretRotationOrder) => rotateClientSecret(order, clientSecrets, rotation);
  const { SIGNING_KEY_ROTATION_INTERVAL: interval, CLIENT_SECRET_ROTATION_INTERVAL: secretLife } = settings;
  const schedule = interval === 'off' ? undefined : scheduleKeyRotation(interval, ring, rotate, platform);
  const secretSchedule =
    secretLife === 'off'
      ? undefined
      : scheduleSecretRotation(secretLife, database, seals, rotateSecret, platform);
  const pruning = keepPruned(database, base.feed, seals, platform);

  const { verifySecurityEvent: verify, ...others } = openVerification({ ...options, ...base, clientSecrets });
  const mostPerMinute = settings.SECURITY_EVENT_RATE_PER_MINUTE;
  const signals = openSignals({ ...base, verify, bus, audit, mostPerMinute }, base.livePolicies, platform);

  return {
    ...options,
    ...base,
    ...others,
    takeSecurityEvent: signals.takeSecurityEvent,
    audit,
    ...limits,
    issue: createTokenIssuer({ ...signing, audit }),
    rotate,
    rotateSecret,
    listSecrets: () => readSecrets(database, seals),
    collectSecret: createCollectClientSecret({
      database,
      secrets,
      seals,
      status,
      rotate: rotateSecret,
      bus,
      audit,
      clock,
    }),
    revoke: (order) => revokeToken(order, { database, seals, bus, audit, status, clock }),
    async close() {
      await signals.stop();
      await Promise.all([schedule?.stop(), secretSchedule?.stop(), pruning.stop(), clientSecrets.stop()]);
      await Promise.all([limits.flood.flush(), limits.rates.flood.flush()]);
      await closeAudit();
      await base.close();
    },
  };
}

/** What keeps callers from filling the log, and from asking without end. */
function openLimits(
  settings: StsSettings,
  audit: AuditClient,
  platform: ServicePlatform,
): Pick<OpenSts, 'flood' | 'rates'> {
  return {
    flood: openAnonymousFlood(settings.ANONYMOUS_EVENTS_PER_MINUTE, audit, platform),
    rates: createTokenRates(settings, audit, platform),
  };
}

/** What lies beneath everything: store, policies, keys, and the STS's own reader of its feed. */
async function openBase(options: StsOptions) {
  const { settings, platform } = options;
  const { clock, log, bus, secrets } = platform;
  const store = await platform.openStore('sts', MIGRATIONS);
  const database = store.writer;
  const livePolicies = await openPolicies({ folder: settings.POLICIES_DIR, clock, log });
  const policies = () => livePolicies.current();
  const unshare = await shareSealKey(database, platform);
  const seals = await openRowSeals({ database, secrets, log });
  const { custody, ring, stop: stopKeys } = await openSigningKeys(options, database, seals);
  await seedClientSecrets(secretUsers(policies()), { database, secrets, seals, platform }, log);
  const feed = await openStatusFeed({ database, seals, accepted: settings.STATUS_FEED_ACCEPT, clock, log });
  const status = createStatusReader({
    fetchPage: (after) => feed.readPage(after),
    onWake: (listener) => bus.subscribe(STATUS_TOPIC, listener),
    clock,
    log,
  });
  await status.ready;
  const close = async (): Promise<void> => {
    await Promise.all([stopKeys(), status.stop(), livePolicies.stop(), unshare()]);
  };
  const canSign = (): boolean => ring.canSign && custody.answers;
  const register = createTokenRegister(database, clock);
  return {
    store,
    database,
    livePolicies,
    policies,
    custody,
    ring,
    seals,
    canSign,
    feed,
    status,
    register,
    close,
  };
}

function secretUsers(engine: ReturnType<OpenSts['clients']['policies']>): readonly string[] {
  return [...engine.services.values()]
    .filter(({ authentication }) => authentication.some((method) => method.startsWith('client_secret_')))
    .map(({ id }) => id);
}
