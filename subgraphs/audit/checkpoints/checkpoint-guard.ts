import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Checkpoint, openCheckpoint } from '@aduana/server-kit/audit/checkpoint';
import type { Clock } from '@aduana/core/platform/clock';
import { writeFileAtomically } from '@aduana/core/platform/write-file-atomically';

export interface SignedCheckpoint extends Checkpoint {
  readonly note: string;
}

/** How often a note is kept beside the last one, in a file that only grows: `--since` can be asked about any of them. */
const ARCHIVE_PAUSE_MS = 60_000;

/** The last signed checkpoint, kept outside the database: what a restored backup cannot take back. */
export interface CheckpointGuard {
  /** Undefined where nothing was ever signed here. */
  readonly last: SignedCheckpoint | undefined;
  /** Resolves once the note is on the disk, before anybody else sees it. */
  remember(checkpoint: Checkpoint, note: string): Promise<void>;
}

/**
 * @param vkeys of the log, older ones included
 * @throws Error when the file holds anything but a note that the log has signed
 */
export async function openCheckpointGuard(
  file: string,
  vkeys: readonly string[],
  clock: Clock,
): Promise<CheckpointGuard> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const note = await readFile(file, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  });
  const opened = note === undefined ? undefined : openCheckpoint(note, vkeys);
  let last = opened === undefined || note === undefined ? undefined : { ...opened, note };
  if (note !== undefined && last === undefined) throw new Error(`${file} holds no note of this log's key`);
  let archivedAt = -Infinity;
  return {
    get last() {
      return last;
    },
    async remember(checkpoint, signedNote) {
      await writeFileAtomically(file, signedNote, 0o600);
      if (clock.monotonic() - archivedAt >= ARCHIVE_PAUSE_MS) {
        await appendFile(`${file}s.log`, `${signedNote}\n`, { mode: 0o600 });
        archivedAt = clock.monotonic();
      }
      last = { ...checkpoint, note: signedNote };
    },
  };
}
