import { ANONYMOUS } from '@aduana/client/audit/audit-event';
import type { AuditSink } from '@aduana/client/audit/audit-sink';
import { auditEvent } from '@aduana/client/audit/event-catalogue';
import type { SecretProvider } from '@aduana/server-kit/secrets/secret-provider';
import type { Database } from '@aduana/server-kit/store/database';
import { readRecovery } from './checkpoints/epoch.ts';

/** Records what began the present epoch, before anything is signed in it: the event binds the notes of the one before. */
export async function recordRecovery(
  secrets: SecretProvider,
  reader: Database,
  audit: AuditSink,
): Promise<void> {
  const recovery = await readRecovery(secrets);
  if (recovery === undefined) return;
  const { rows } = await reader.query<{ recorded: boolean }>(
    `SELECT EXISTS (SELECT 1 FROM entries WHERE type = 'audit.recover' AND peer = 'audit'
       AND canonical::json #>> '{detail,epoch}' = $1) AS recorded`,
    [String(recovery.epoch)],
  );
  if (rows[0]?.recorded === true) return;
  const [sub, other] = recovery.approvers;
  await audit.record({
    ...auditEvent('audit.recover', { ...recovery }),
    outcome: 'FAILED',
    actor: { ...ANONYMOUS, sub, client_id: other, auth_method: 'tls_client_auth' },
  });
}
