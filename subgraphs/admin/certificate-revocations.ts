import { auditEvent } from '@aduana/client/audit/event-catalogue';
import type { AuditSink } from '@aduana/client/audit/audit-sink';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock } from '@aduana/core/platform/clock';
import { uuidv7 } from '@aduana/core/platform/ids';
import type { ReportedSeals } from '@aduana/server-kit/seals/row-seals';
import type { Database } from '@aduana/server-kit/store/database';
import type { Decided } from './service-states.ts';
import { CERTIFICATES, type CertificateRow, ownRow, type Sealed, sealOf } from './sealed-rows.ts';
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
  readonly seals: ReportedSeals;
  readonly audit: AuditSink;
  readonly clock: Clock;
}): RevokeCertificate {
  const { database, outbox, seals, audit, clock } = options;
  return async (thumbprint, { actor, trace, reason }) => {
    if (!THUMBPRINT.test(thumbprint)) throw new SecurityError('BAD_REQUEST', { detail: 'no x5t#S256' });
    const at = clock.now();
    const id = uuidv7(at);
    const revokedAt = await database.exclusively(OUTBOX_LOCK, async (transaction) => {
      const { rows } = await transaction.query<Sealed<CertificateRow>>(
        'SELECT thumbprint, event_id, reason, actor, at, seal FROM certificate_revocations WHERE thumbprint = $1',
        [thumbprint],
      );
      const known = ownRow(CERTIFICATES, rows[0], seals);
      if (known !== undefined) return Number(known.at);
      const row = { thumbprint, event_id: id, reason, actor: actor.sub, at };
      await transaction.query(
        `INSERT INTO certificate_revocations (thumbprint, event_id, reason, actor, at, seal)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (thumbprint) DO UPDATE SET event_id = $2, reason = $3, actor = $4, at = $5, seal = $6`,
        [thumbprint, id, reason, actor.sub, at, sealOf(CERTIFICATES, row, seals)],
      );
      await outbox.add(transaction, { id, kind: 'certificate_revoked', thumbprint });
      return at;
    });
    await outbox.deliver();
    await audit.record({
      ...auditEvent('certificate.revoke', { thumbprint, reason }),
      outcome: 'ALLOWED',
      actor,
      trace,
    });
    return { revokedAt };
  };
}
