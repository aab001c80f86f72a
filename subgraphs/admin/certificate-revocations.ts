import type { AuditSink } from '@aduana/core/audit/audit-sink';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock } from '@aduana/core/platform/clock';
import { uuidv7 } from '@aduana/core/platform/ids';
import type { Database } from '@aduana/core/store/database';
import type { Decided } from './service-states.ts';
import { OUTBOX_LOCK, type StatusOutbox } from './status-outbox.ts';

/** Ends a certificate for good; answers when it was first revoked, in milliseconds since the epoch. */
export type RevokeCertificate = (
  thumbprint: string,
  decided: Decided,
) => Promise<{ readonly revokedAt: number }>;

/** base64url of SHA-256 (RFC 8705 section 3.1). */
const THUMBPRINT = /^[A-Za-z0-9_-]{43}$/;

export function createRevokeCertificate(options: {
  readonly database: Database;
  readonly outbox: StatusOutbox;
  readonly audit: AuditSink;
  readonly clock: Clock;
}): RevokeCertificate {
  const { database, outbox, audit, clock } = options;
  return async (thumbprint, { actor, trace, reason }) => {
    if (!THUMBPRINT.test(thumbprint)) throw new SecurityError('BAD_REQUEST', { detail: 'no x5t#S256' });
    const at = clock.now();
    const id = uuidv7(at);
    const revokedAt = await database.exclusively(OUTBOX_LOCK, async (transaction) => {
      const { affected } = await transaction.query(
        `INSERT INTO certificate_revocations (thumbprint, event_id, reason, actor, at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (thumbprint) DO NOTHING`,
        [thumbprint, id, reason, actor.sub, at],
      );
      if (affected > 0) {
        await outbox.add(transaction, { id, kind: 'certificate_revoked', thumbprint });
        return at;
      }
      const { rows } = await transaction.query<{ at: number }>(
        'SELECT at FROM certificate_revocations WHERE thumbprint = $1',
        [thumbprint],
      );
      return rows[0]?.at ?? at;
    });
    await outbox.deliver();
    await audit.record({
      type: 'certificate.revoke',
      class_uid: 3004,
      outcome: 'ALLOWED',
      actor,
      trace,
      detail: { thumbprint, reason },
    });
    return { revokedAt };
  };
}
