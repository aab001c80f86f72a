import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readRecovery } from './epoch.ts';
import type { SecretProvider } from '@aduana/server-kit/secrets/secret-provider';

/** Puts aside what this home remembers of the epoch before the present one: it stays there as `*.epoch-<n>`. */
export async function archiveEndedEpoch(folder: string, secrets: SecretProvider): Promise<void> {
  const recovery = await readRecovery(secrets);
  if (recovery === undefined) return;
  const file = join(folder, 'checkpoint');
  const note = await readFile(file, 'utf8').catch(() => '');
  if (originIn(note) !== originIn(recovery.lost_note)) return;
  await rename(file, `${file}.epoch-${String(recovery.epoch - 1)}`);
  await rm(join(folder, 'verified'), { force: true }); // it counts entries that are gone
}

function originIn(note: string): string {
  return note.slice(0, note.indexOf('\n'));
}
