import { join } from 'node:path';
import { openCheckpoint } from '@aduana/server-kit/audit/checkpoint';
import type { Platform } from '@aduana/core/platform/platform';
import type { SecretProvider } from '@aduana/server-kit/secrets/secret-provider';
import type { Database } from '@aduana/server-kit/store/database';
import { archiveEndedEpoch } from './archive-ended-epoch.ts';
import { type CheckpointGuard, openCheckpointGuard } from './checkpoint-guard.ts';
import type { CheckpointSigners } from './checkpoint-key.ts';
import { openSignedMark, type SignedMark } from './signed-mark.ts';

export interface OpenNotesOptions extends Pick<Platform, 'clock' | 'log'> {
  /** Of this home. */
  readonly folder: string;
  readonly secrets: SecretProvider;
  readonly reader: Database;
  readonly signers: CheckpointSigners;
}

/**
 * What is known outside the database of what was signed. A new log is said to be empty before anything is in it; a home
 * without a note, or with an older one, gets the one that the secret provider keeps.
 */
export async function openNotes({
  folder,
  secrets,
  reader,
  signers,
  clock,
  log,
}: OpenNotesOptions): Promise<{ readonly guard: CheckpointGuard; readonly mark: SignedMark }> {
  const vkeys = signers.map(({ vkey }) => vkey);
  await archiveEndedEpoch(folder, secrets);
  const guard = await openCheckpointGuard(join(folder, 'checkpoint'), vkeys, clock);
  const mark = await openSignedMark(secrets, clock, log);
  const note = mark.tree?.note ?? '';
  const signed = openCheckpoint(note, vkeys);
  if (signed !== undefined && signed.size > (guard.last?.size ?? 0)) await guard.remember(signed, note);
  if (guard.last !== undefined) return { guard, mark };
  const { rows } = await reader.query<{ size: number }>('SELECT size FROM head');
  if (mark.tree === undefined && (rows[0]?.size ?? 0) === 0) await mark.begin(signers);
  return { guard, mark };
}
