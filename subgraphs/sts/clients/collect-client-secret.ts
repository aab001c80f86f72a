import type { AuditActor, AuditTrace } from '@aduana/client/audit/audit-event';
import type { AuditSink } from '@aduana/client/audit/audit-sink';
import type { EventBus } from '@aduana/core/bus/event-bus';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock } from '@aduana/core/platform/clock';
import type { Secret } from '@aduana/core/secrets/secret';
import type { StatusView } from '@aduana/core/status/status-entry';
import { clientSecretName } from '@aduana/server-kit/secrets/client-secrets';
import type { SecretProvider } from '@aduana/server-kit/secrets/secret-provider';
import type { Database } from '@aduana/server-kit/store/database';
import type { RowSeals } from '@aduana/server-kit/seals/row-seals';
import { readSecrets, type StoredSecret } from './client-secret-store.ts';
import { SECRETS_TOPIC } from './client-secrets.ts';
import type { SecretRotationOrder } from './rotate-client-secret.ts';
import { isExposed, noteCollection, readCollections } from './secret-collections.ts';
import { matchesSecret } from './secret-hash.ts';

const REASON = 'the version before was collected with a certificate that is revoked';

export interface CollectedSecret {
  readonly version: number;
  readonly secret: Secret;
  /** Until when the version before is accepted, in milliseconds since the epoch; undefined: it is not. */
  readonly graceUntil: number | undefined;
}

/**
 * Gives a service that proved its certificate its own current secret, and notes to whom: a version that was collected with
 * a certificate which is revoked since is replaced first.
 *
 * @throws SecurityError `NO_CLIENT_SECRET`; `temporarily_unavailable` while a rotation is under way
 */
export type CollectClientSecret = (
  service: string,
  thumbprint: string,
  trace: AuditTrace,
) => Promise<CollectedSecret>;

export interface CollectOptions {
  readonly database: Database;
  readonly secrets: SecretProvider;
  readonly seals: RowSeals;
  readonly status: Pick<StatusView, 'isCertificateRevoked'>;
  readonly rotate: (order: SecretRotationOrder) => Promise<unknown>;
  readonly bus: EventBus;
  readonly audit: AuditSink;
  readonly clock: Clock;
}

export function createCollectClientSecret(options: CollectOptions): CollectClientSecret {
  const { database, secrets, seals, bus, audit, clock } = options;
  return async (service, thumbprint, trace) => {
    const actor: AuditActor = {
      sub: service,
      client_id: service,
      act: [],
      auth_method: 'tls_client_auth',
      cert_thumbprint: thumbprint,
    };
    const [current, previous] = await readUnexposed(service, actor, trace, options);
    const provided = await secrets.get(clientSecretName(service), { fresh: true });
    if (provided === undefined || current === undefined) throw new SecurityError('NO_CLIENT_SECRET');
    // The provider is written before the store: a secret that is not accepted yet is of no use.
    if (!(await matchesSecret(provided.value.reveal(), current)))
      throw new SecurityError('temporarily_unavailable', {
        detail: 'the provider holds another secret than the accepted one',
        retryAfterSeconds: 1,
      });
    await noteCollection(database, { service, version: current.version, thumbprint }, seals);
    bus.publish(SECRETS_TOPIC);
    await audit.record({
      type: 'secret.collect',
      class_uid: 3004,
      outcome: 'ALLOWED',
      actor,
      trace,
      detail: { service, version: current.version },
    });
    const until = previous?.acceptedUntil;
    return {
      version: current.version,
      secret: provided.value,
      graceUntil: until !== undefined && until > clock.now() ? until : undefined,
    };
  };
}

/** The versions of a service, newest first, of which the first is in nobody else's hands as far as is known. */
async function readUnexposed(
  service: string,
  actor: AuditActor,
  trace: AuditTrace,
  { database, seals, status, rotate }: CollectOptions,
): Promise<readonly StoredSecret[]> {
  const read = async () => (await readSecrets(database, seals)).filter((one) => one.service === service);
  const known = await read();
  const [current] = known;
  if (current === undefined || !isExposed(current, await readCollections(database, seals), status))
    return known;
  await rotate({ service, graceSeconds: 0, reason: REASON, actor, trace });
  return read();
}
