import type { AuditSink } from '@aduana/client/audit/audit-sink';
import { SecurityError } from '@aduana/core/errors/security-error';
import { type Clock, epochSeconds } from '@aduana/core/platform/clock';
import { uuidv7 } from '@aduana/core/platform/ids';
import { LONGEST_SUBJECT_LIFE_SECONDS } from '@aduana/core/status/status-entry';
import type { ReportedSeals } from '@aduana/server-kit/seals/row-seals';
import type { Database, Queryable } from '@aduana/server-kit/store/database';
import type { Decided } from './service-states.ts';
import { ownRow, type Sealed, sealOf, type SubjectRow, SUBJECTS } from './sealed-rows.ts';
import { OUTBOX_LOCK, type StatusOutbox } from './status-outbox.ts';

/** Ends every token of a subject that was issued up to this second; answers when, in milliseconds since the epoch. */
export type RevokeSubject = (
  subject: { readonly issuer: string; readonly subject: string },
  decided: Decided,
) => Promise<{ readonly revokedAt: number }>;

const LONGEST_ISSUER = 2_048;
const LONGEST_SUBJECT = 255;
/** Every service keeps all of them in memory. */
const MOST_SUBJECTS = 100_000;

export function createRevokeSubject(options: {
  readonly database: Database;
  readonly outbox: StatusOutbox;
  readonly seals: ReportedSeals;
  readonly audit: AuditSink;
  readonly clock: Clock;
}): RevokeSubject {
  const { database, outbox, seals, audit, clock } = options;
  return async ({ issuer, subject }, { actor, trace, reason }) => {
    if (!isName(issuer, LONGEST_ISSUER) || !isName(subject, LONGEST_SUBJECT))
      throw new SecurityError('BAD_REQUEST', { detail: 'issuer or subject is empty or too long' });
    const at = clock.now();
    const notAfter = epochSeconds(clock);
    const id = uuidv7(at);
    await database.exclusively(OUTBOX_LOCK, async (transaction) => {
      // Of what no live token can have any more nothing need be known.
      await transaction.query('DELETE FROM subject_revocations WHERE not_after < $1', [
        notAfter - LONGEST_SUBJECT_LIFE_SECONDS,
      ]);
      const { rows } = await transaction.query<{ count: number }>(
        'SELECT count(*)::integer AS count FROM subject_revocations WHERE NOT (issuer = $1 AND subject = $2)',
        [issuer, subject],
      );
      if ((rows[0]?.count ?? 0) >= MOST_SUBJECTS && (await countOwn(transaction, seals)) >= MOST_SUBJECTS)
        throw new SecurityError('TOO_MANY_REVOCATIONS', { detail: 'as many subjects as can be kept' });
      const before = await transaction.query<Sealed<SubjectRow>>(
        `SELECT issuer, subject, not_after, event_id, reason, actor, at, seal FROM subject_revocations
         WHERE issuer = $1 AND subject = $2`,
        [issuer, subject],
      );
      const known = ownRow(SUBJECTS, before.rows[0], seals);
      if (known !== undefined && Number(known.not_after) >= notAfter) return;
      const row = { issuer, subject, not_after: notAfter, event_id: id, reason, actor: actor.sub, at };
      await transaction.query(
        `INSERT INTO subject_revocations (issuer, subject, not_after, event_id, reason, actor, at, seal)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (issuer, subject)
           DO UPDATE SET not_after = $3, event_id = $4, reason = $5, actor = $6, at = $7, seal = $8`,
        [issuer, subject, notAfter, id, reason, actor.sub, at, sealOf(SUBJECTS, row, seals)],
      );
      await outbox.add(transaction, { id, kind: 'subject_revoked', issuer, subject, notAfter });
    });
    await outbox.deliver();
    await audit.record({
      type: 'subject.revoke',
      class_uid: 3004,
      outcome: 'ALLOWED',
      actor,
      trace,
      detail: { issuer, subject, not_after: notAfter, reason },
    });
    return { revokedAt: at };
  };
}

/** Rows that this service did not write take no place of those that it did. */
async function countOwn(transaction: Queryable, seals: ReportedSeals): Promise<number> {
  const { rows } = await transaction.query<Sealed<SubjectRow>>(
    'SELECT issuer, subject, not_after, event_id, reason, actor, at, seal FROM subject_revocations',
  );
  return rows.filter((row) => ownRow(SUBJECTS, row, seals) !== undefined).length;
}

function isName(text: string, longest: number): boolean {
  return text !== '' && text.length <= longest;
}
