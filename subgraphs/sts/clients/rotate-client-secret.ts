import { auditEvent } from '@aduana/client/audit/event-catalogue';
import type { AuditActor, AuditTrace } from '@aduana/client/audit/audit-event';
import type { AuditSink } from '@aduana/client/audit/audit-sink';
import type { EventBus } from '@aduana/core/bus/event-bus';
import { SecurityError } from '@aduana/core/errors/security-error';
import { runOnce } from '@aduana/server-kit/http/idempotency';
import { randomSecret } from '@aduana/core/platform/ids';
import type { Log } from '@aduana/core/platform/log';
import type { Platform } from '@aduana/core/platform/platform';
import type { SecretProvider } from '@aduana/server-kit/secrets/secret-provider';
import { clientSecretName } from '@aduana/server-kit/secrets/client-secrets';
import { Secret } from '@aduana/core/secrets/secret';
import type { Database, Queryable } from '@aduana/server-kit/store/database';
import type { RowSeals } from '@aduana/server-kit/seals/row-seals';
import { nextVersion, readSecrets, type StoredSecret, writeSecrets } from './client-secret-store.ts';
import { type ClientSecrets, SECRETS_TOPIC } from './client-secrets.ts';
import { hashSecret, matchesSecret } from './secret-hash.ts';

export interface SecretRotationOptions {
  readonly database: Database;
  readonly secrets: SecretProvider;
  readonly seals: RowSeals;
  readonly bus: EventBus;
  readonly audit: AuditSink;
  readonly platform: Pick<Platform, 'clock'>;
  /** How long a rotation waits for others that mean the same step. */
  readonly gatherMilliseconds: number;
}

export interface SecretRotationOrder {
  readonly service: string;
  /** How long the version before stays accepted. */
  readonly graceSeconds: number;
  readonly reason: string;
  readonly idempotencyKey?: string | undefined;
  readonly actor: AuditActor;
  readonly trace?: AuditTrace;
}

export interface SecretRotation {
  readonly version: number;
  /** Shown once; undefined for whoever lost a race or repeats a request. */
  readonly secret: Secret | undefined;
  /** Milliseconds since the epoch; undefined: the version before is refused at once. */
  readonly graceUntil: number | undefined;
}

const LOCK = 'client-secrets';

/**
 * Makes the next version of a client secret: written to the provider, tried, then accepted; the one before stays
 * accepted for the grace. Rotations that read the same version are one step, whose secret the winner alone gets.
 *
 * @throws SecurityError `ROTATION_IN_GRACE` while the previous version is accepted, unless the grace asked for is 0
 */
export async function rotateClientSecret(
  order: SecretRotationOrder,
  accepted: ClientSecrets,
  options: SecretRotationOptions,
): Promise<SecretRotation> {
  const { database, seals, bus, audit, platform, gatherMilliseconds } = options;
  const { service, graceSeconds, reason, idempotencyKey: key, actor } = order;
  const seen = versionsOf(service, await readSecrets(database, seals))[0]?.version ?? 0;
  await platform.clock.sleep(gatherMilliseconds);
  const rotation = await database.exclusively(LOCK, async (transaction) => {
    const now = platform.clock.now();
    const request = { operation: 'rotate-client-secret', key, parameters: { service, graceSeconds }, now };
    let made: SecretRotation | undefined;
    const { version } = await runOnce(transaction, request, async () => {
      const [current, previous] = versionsOf(service, await readSecrets(transaction, seals));
      if (current !== undefined && current.version !== seen) return { version: current.version };
      if (graceSeconds > 0 && (previous?.acceptedUntil ?? 0) > now)
        throw new SecurityError('ROTATION_IN_GRACE');
      made = await takeStep(transaction, order, current, options);
      return { version: made.version };
    });
    return made ?? winnersResult(transaction, seals, service, version, now);
  });
  bus.publish(SECRETS_TOPIC);
  await accepted.reload();
  await seals.latest.save();
  if (rotation.secret === undefined) return rotation;
  await audit.record({
    ...auditEvent('secret.rotate', {
      service,
      version: rotation.version,
      grace_seconds: graceSeconds,
      reason,
    }),
    outcome: 'ALLOWED',
    actor,
    trace: order.trace ?? null,
  });
  return rotation;
}

async function takeStep(
  transaction: Queryable,
  { service, graceSeconds }: SecretRotationOrder,
  current: StoredSecret | undefined,
  { secrets, seals, platform: { clock } }: SecretRotationOptions,
): Promise<SecretRotation> {
  const secret = Secret.of(randomSecret());
  const name = clientSecretName(service);
  const stored = await secrets.get(name, { fresh: true });
  await secrets.put(name, secret, stored?.version ?? 0);
  const hash = await hashSecret(secret.reveal());
  if (!(await matchesSecret(secret.reveal(), hash))) throw new TypeError('a secret matches its own hash');
  const now = clock.now();
  const graceUntil = graceSeconds > 0 ? now + graceSeconds * 1000 : undefined;
  const version = nextVersion(service, seals);
  const next = { ...hash, service, version, acceptedUntil: undefined, createdAt: now };
  const previous = current === undefined ? undefined : { ...current, acceptedUntil: graceUntil ?? now };
  await writeSecrets(transaction, next, previous, seals);
  return { version, secret, graceUntil };
}

async function winnersResult(
  transaction: Queryable,
  seals: RowSeals,
  service: string,
  version: number,
  now: number,
): Promise<SecretRotation> {
  const [current, previous] = versionsOf(service, await readSecrets(transaction, seals));
  if (current?.version !== version)
    throw new SecurityError('CONFLICT', { detail: 'another rotation has been made since' });
  const until = previous?.acceptedUntil;
  return { version, secret: undefined, graceUntil: until !== undefined && until > now ? until : undefined };
}

/**
 * Accepts the provider's secret of each service of which the store holds none that the STS wrote; afterwards the store
 * decides.
 *
 * @param services ids of those that authenticate with a secret
 */
export async function seedClientSecrets(
  services: readonly string[],
  options: Pick<SecretRotationOptions, 'database' | 'secrets' | 'seals' | 'platform'>,
  log: Log,
): Promise<void> {
  const { database, secrets, seals, platform } = options;
  const known = await readSecrets(database, seals);
  for (const service of services) {
    const provided = await secrets.get(clientSecretName(service));
    if (provided === undefined) continue;
    const versions = versionsOf(service, known);
    if (versions.length === 0) {
      const hash = await hashSecret(provided.value.reveal());
      await database.exclusively(LOCK, async (transaction) => {
        if (versionsOf(service, await readSecrets(transaction, seals)).length > 0) return;
        const version = nextVersion(service, seals);
        const first = {
          ...hash,
          service,
          version,
          acceptedUntil: undefined,
          createdAt: platform.clock.now(),
        };
        await writeSecrets(transaction, first, undefined, seals);
      });
    } else if (!(await isAccepted(provided.value, versions, platform.clock.now())))
      log.warn('the client secret that the provider holds is not the accepted one', { service });
  }
  await seals.latest.save();
}

async function isAccepted(secret: Secret, versions: readonly StoredSecret[], now: number): Promise<boolean> {
  for (const version of versions)
    if ((version.acceptedUntil ?? Infinity) > now && (await matchesSecret(secret.reveal(), version)))
      return true;
  return false;
}

function versionsOf(service: string, secrets: readonly StoredSecret[]): readonly StoredSecret[] {
  return secrets.filter((secret) => secret.service === service);
}
