import { join } from 'node:path';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import type { Clock } from '@aduana/core/platform/clock';
import { tryFileLock } from '../platform/file-lock.ts';
import { makeFolder } from '../platform/make-folder.ts';
import { type HomeLock, requireWritable } from './home-lock.ts';

/** More replicas of one service on one machine than make sense. */
export const MOST_REPLICAS = 64;

export interface ReplicaHome extends HomeLock {
  /** From 1; the same for as long as the process runs, and for whoever takes the home after it. */
  readonly number: number;
  readonly folder: string;
}

/**
 * Claims the first home of a shared folder that no other replica of the service uses: the folder itself, then `replicas/2` and so on.
 *
 * @throws ConfigurationError when all are in use, or the folder cannot be written
 */
export async function acquireReplicaHome(
  shared: string,
  service: string,
  clock: Clock,
): Promise<ReplicaHome> {
  for (let number = 1; number <= MOST_REPLICAS; number += 1) {
    const folder = number === 1 ? shared : join(shared, 'replicas', String(number));
    const lock = await requireWritable(folder, async () => {
      await makeFolder(folder);
      return tryFileLock(join(folder, `${service}.replica.lock`), clock);
    });
    if (lock.held) return { number, folder, release: () => lock.release() };
  }
  throw new ConfigurationError([
    {
      subject: 'ADUANA_HOME',
      problem: `${String(MOST_REPLICAS)} replicas of ${service} use ${shared} already`,
      remedy: 'Run fewer replicas, or set ADUANA_HOME to another folder',
    },
  ]);
}
