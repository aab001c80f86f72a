import { openCheckpoint } from '@aduana/server-kit/audit/checkpoint';
import { shareSecrets } from '@aduana/server-kit/secrets/shared-secrets';
import type { Database } from '@aduana/server-kit/store/database';
import { CHECKPOINT_KEY, loadCheckpointSigners } from './checkpoints/checkpoint-key.ts';
import { EPOCH } from './checkpoints/epoch.ts';
import type { AuditSettings } from './config.ts';
import type { LogPlatform } from './log-platform.ts';
import { logOrigin } from './log-origin.ts';

/** What names of subjects are hashed with. */
export const SUBJECT_NAMES = 'audit/subject-names';

/**
 * The key of the checkpoints and that of subjects' names belong to the log, not to a replica's home.
 *
 * @returns what ends the sharing
 * @throws ConfigurationError where this home has others than those that the log was made with
 */
export function shareLogSecrets(
  settings: AuditSettings,
  { secrets, clock, log }: LogPlatform,
  database: Database,
): Promise<() => Promise<void>> {
  return shareSecrets({
    database,
    secrets,
    clock,
    log,
    names: [CHECKPOINT_KEY, SUBJECT_NAMES],
    optional: [EPOCH],
    async fits(transaction) {
      const { rows } = await transaction.query<{ note: string }>(
        'SELECT note FROM checkpoints ORDER BY number DESC LIMIT 1',
      );
      if (rows[0] === undefined) return true;
      if ((await secrets.get(CHECKPOINT_KEY, { fresh: true })) === undefined) return false;
      const signers = await loadCheckpointSigners(secrets, await logOrigin(settings, secrets));
      return openCheckpoint(rows[0].note, signers.map(({ vkey }) => vkey)) !== undefined;
    },
  }); // prettier-ignore
}
