import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SecurityError } from '@aduana/core/errors/security-error';
import { createSecretProvider } from '@aduana/server-kit/secrets/create-secret-provider';
import {
  finishCheckpointRotation,
  rotateCheckpointKey,
} from '../subgraphs/audit/checkpoints/checkpoint-key.ts';
import { type CommandContext, CommandFailure } from './command-context.ts';
import { runningSettings } from './deployment-client.ts';

/** Rotates the key of the checkpoints in two steps, in the secret provider that the log reads; a running log follows. */
export async function rotateAuditKey(finish: boolean, context: CommandContext): Promise<void> {
  const settings = await runningSettings(context.environment);
  const secrets = await createSecretProvider({ settings, ...context });
  try {
    if (!finish) {
      await rotateCheckpointKey(secrets);
      context.print('from now on checkpoints are signed with the new key and the old one');
      context.print('give the new vkey to the auditors, then run: aduana audit rotate-key --finish');
      return;
    }
    // the last note must verify without the old key, or a stopped log could not be started again
    const note = await readFile(join(settings.ADUANA_HOME, 'audit', 'checkpoint'), 'utf8').catch(() => '');
    if (note.split('\n').filter((line) => line.startsWith('— ')).length < 2)
      throw new CommandFailure(
        1,
        'The log has not signed with the new key yet\n  -> Start the audit service, and try again',
      );
    await finishCheckpointRotation(secrets);
    context.print('from now on checkpoints are signed only with the new key');
  } catch (error) {
    if (error instanceof SecurityError)
      throw new CommandFailure(1, `${error.message}${error.detail === undefined ? '' : `: ${error.detail}`}`);
    throw error;
  } finally {
    await secrets.close();
  }
}
