import { ANONYMOUS } from '@aduana/client/audit/audit-event';
import type { AuditSink } from '@aduana/client/audit/audit-sink';
import { canonicalText } from '@aduana/client/audit/canonical';
import { auditEvent } from '@aduana/client/audit/event-catalogue';
import type { SecretProvider } from '@aduana/server-kit/secrets/secret-provider';
import type { Database } from '@aduana/server-kit/store/database';
import { readRecovery, type Recovery } from './checkpoints/epoch.ts';

/** How many recorded recoveries are looked at: where the one is older, it is recorded once more. */
const MOST_RECORDED = 1000;

/**
 * Records what began the present epoch, before anything is signed in it: the event binds the notes of the one before.
 * An event of this epoch that says anything else is not the one: whoever writes to the database may have put it there.
 */
export async function recordRecovery(
  secrets: SecretProvider,
  reader: Database,
  audit: AuditSink,
): Promise<void> {
  const recovery = await readRecovery(secrets);
  if (recovery === undefined) return;
  if (await isRecorded(recovery, reader)) return;
  const [sub, other] = recovery.approvers;
  await audit.record({
    ...auditEvent('audit.recover', { ...recovery }),
    outcome: 'FAILED',
    actor: { ...ANONYMOUS, sub, client_id: other, auth_method: 'tls_client_auth' },
  });
}

async function isRecorded(recovery: Recovery, reader: Database): Promise<boolean> {
  const { rows } = await reader.query<{ canonical: string }>(
    `SELECT canonical FROM entries WHERE type = 'audit.recover' AND peer = 'audit' ORDER BY seq DESC LIMIT ${String(MOST_RECORDED)}`,
  );
  const expected = canonicalText({ ...recovery });
  return rows.some(({ canonical }) => detailIn(canonical) === expected);
}

/** The detail of an event as one text; undefined for what is no event. */
function detailIn(canonical: string): string | undefined {
  try {
    return canonicalText(
      (JSON.parse(canonical) as { readonly detail: Readonly<Record<string, unknown>> }).detail,
    );
  } catch {
    return undefined;
  }
}
