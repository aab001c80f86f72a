import type { AuditActor, AuditTrace } from '@aduana/core/audit/audit-event';
import type { AuditSink } from '@aduana/core/audit/audit-sink';
import type { EventBus } from '@aduana/core/bus/event-bus';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock } from '@aduana/core/platform/clock';
import { STATUS_TOPIC } from '@aduana/core/status/status-entry';
import type { StatusReader } from '@aduana/core/status/status-reader';
import type { Database } from '@aduana/core/store/database';
import { DEFAULT_LIFETIME_SECONDS } from '../token/narrow-scope.ts';
import type { TokenRegister } from '../token/token-register.ts';
import { appendStatus } from './status-store.ts';

export interface RevocationOrder {
  readonly jti: string;
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
  readonly register: TokenRegister;
  readonly bus: EventBus;
  readonly audit: AuditSink;
  readonly status: Pick<StatusReader, 'read'>;
  readonly clock: Clock;
}

const LONGEST_TEXT = 500;
const SKEW_SECONDS = 60;

/** Revokes a token and all that descend from it, whether or not it is known. */
export async function revokeToken(
  { jti, reason, actor, trace }: RevocationOrder,
  { database, register, bus, audit, status, clock }: RevocationOptions,
): Promise<Revocation> {
  if (jti === '' || jti.length > LONGEST_TEXT || reason.trim() === '' || reason.length > LONGEST_TEXT)
    throw new SecurityError('BAD_REQUEST', { detail: 'jti or reason is empty or too long' });
  const now = clock.now();
  const known = await register.find(jti);
  const expiresAt = known?.expiresAt ?? now + DEFAULT_LIFETIME_SECONDS * 1000;
  const until = Math.ceil(expiresAt / 1000) + SKEW_SECONDS;
  await database.transaction((transaction) =>
    appendStatus(transaction, `token:${jti}`, { kind: 'token_revoked', jti, until }, now),
  );
  bus.publish(STATUS_TOPIC);
  await status.read();
  await audit.record({
    type: 'token.revoke',
    class_uid: 3002,
    outcome: 'ALLOWED',
    actor,
    trace: trace ?? null,
    detail: { jti, reason },
  });
  return { jti, revokedAt: new Date(now).toISOString() };
}
