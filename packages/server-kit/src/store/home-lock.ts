import { join } from 'node:path';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import type { Clock } from '@aduana/core/platform/clock';
import { type FileLock, type FileLockRefusal, tryFileLock } from '../platform/file-lock.ts';
import { makeFolder } from '../platform/make-folder.ts';

const PATIENCE_MILLISECONDS = 1000;
const PAUSE_MILLISECONDS = 100;

export interface HomeLock {
  /** Idempotent. */
  release(): Promise<void>;
}

/**
 * Claims a home folder for one service, against every other process that could serve it there.
 *
 * @throws ConfigurationError when another process holds it, or the folder cannot be written
 */
export async function acquireHomeLock(home: string, service: string, clock: Clock): Promise<HomeLock> {
  const path = join(home, `${service}.lock`);
  const lock = await requireWritable(home, async () => {
    await makeFolder(home);
    return waitForLock(path, clock);
  });
  if (lock.held) return lock;
  throw new ConfigurationError([
    {
      subject: path,
      problem: `${service} runs on this home already (${lock.holder})`,
      remedy: 'Stop it first, or set ADUANA_HOME to another folder',
    },
  ]);
}

/**
 * Runs what writes to a home.
 *
 * @throws ConfigurationError in place of the file system's error
 */
export async function requireWritable<Result>(home: string, write: () => Promise<Result>): Promise<Result> {
  try {
    return await write();
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw new ConfigurationError([
      {
        subject: 'ADUANA_HOME',
        problem: `${home} cannot be written (${code})`,
        remedy: 'Let the user that runs Aduana own the folder, or choose another one',
      },
    ]);
  }
}

/** A holder that is just ending gets a moment to do so. */
async function waitForLock(path: string, clock: Clock): Promise<FileLock | FileLockRefusal> {
  const deadline = clock.monotonic() + PATIENCE_MILLISECONDS;
  for (;;) {
    const lock = await tryFileLock(path, clock);
    if (lock.held || clock.monotonic() >= deadline) return lock;
    await clock.sleep(PAUSE_MILLISECONDS);
  }
}
