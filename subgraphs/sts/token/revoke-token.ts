import { auditEvent } from '@aduana/client/audit/event-catalogue';
import type { AuditActor, AuditTrace } from '@aduana/client/audit/audit-event';
import type { AuditSink } from '@aduana/client/audit/audit-sink';
import type { EventBus } from '@aduana/core/bus/event-bus';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock } from '@aduana/core/platform/clock';
import { LONGEST_SUBJECT_LIFE_SECONDS, STATUS_TOPIC } from '@aduana/core/status/status-entry';
import type { StatusReader } from '@aduana/core/status/status-reader';
import type { RowSeals } from '@aduana/server-kit/seals/row-seals';
import type { Database } from '@aduana/server-kit/store/database';
import { appendStatus } from '../status/status-rows.ts';

export interface RevocationOrder {
  readonly jti: string;
  /** Seconds since the epoch, where the token itself was shown; else the revocation lasts as long as any token may. */
  readonly exp?: number;
  readonly reason: string;
  readonly actor: AuditActor;
  readonly trace?: AuditTrace;
}

export interface Revocation {
  readonly jti: string;
  /** RFC 3339. */
  readonly revokedAt: string;
}

export interface RevocationOptions {
  readonly database: Database;
  readonly seals: RowSeals;
  readonly bus: EventBus;
  readonly audit: AuditSink;
  readonly status: Pick<StatusReader, 'read'>;
  readonly clock: Clock;
}

const LONGEST_TEXT = 500;
const SKEW_SECONDS = 60;

/** Revokes a token and all that descend from it, whether or not it is known. */
export async function revokeToken(
  { jti, exp, reason, actor, trace }: RevocationOrder,
  { database, seals, bus, audit, status, clock }: RevocationOptions,
): Promise<Revocation> {
  if (jti === '' || jti.length > LONGEST_TEXT || reason.trim() === '' || reason.length > LONGEST_TEXT)
    throw new SecurityError('BAD_REQUEST', { detail: 'jti or reason is empty or too long' });
  const now = clock.now();
  // The register is the database's: what it says of a token must not end its revocation.
  const until = (exp ?? Math.ceil(now / 1000) + LONGEST_SUBJECT_LIFE_SECONDS) + SKEW_SECONDS;
  await database.transaction((transaction) =>
    appendStatus(transaction, `token:${jti}`, { kind: 'token_revoked', jti, until }, now, seals),
  );
  bus.publish(STATUS_TOPIC);
  await status.read();
  await audit.record({
    ...auditEvent('token.revoke', { jti, reason }),
    outcome: 'ALLOWED',
    actor,
    trace: trace ?? null,
  });
  return { jti, revokedAt: new Date(now).toISOString() };
}
