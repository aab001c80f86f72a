import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, open, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith } from './foreign-parts.ts';

/** Whether this process may have file systems of its own. */
export const canMount = process.getuid?.() === 0 && process.platform === 'linux' && tryMount();

/** A file system of its own that can be filled up. */
export interface SmallDisk {
  readonly folder: string;
  /** Takes everything but these many bytes. */
  fill(leaving: number): Promise<void>;
  /** Gives it back. */
  free(): Promise<void>;
  /** From now on nobody opens anything in this folder of it to write. @returns what ends that */
  protect(inner: string): () => void;
  remove(): Promise<void>;
}

/** A suite that needs a file system of its own. */
export function describeSmallDisk(name: string, suite: () => void): void {
  describeWith('root on Linux, which may mount', canMount, name, suite);
}

/** @param at where it is mounted; a new folder by default */
export async function mountSmallDisk(megabytes: number, at?: string): Promise<SmallDisk> {
  const folder = at ?? (await mkdtemp(join(tmpdir(), 'aduana-disk-')));
  mount(folder, megabytes);
  await chmod(folder, 0o777);
  const ballast = join(folder, 'ballast');
  return {
    folder,
    async fill(leaving) {
      const { bavail, bsize } = await statfs(folder);
      const file = await open(ballast, 'w');
      try {
        await file.writeFile(Buffer.alloc(Math.max(0, bavail * bsize - leaving)));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error; // others write as well
      } finally {
        await file.close();
      }
    },
    free: () => rm(ballast, { force: true }),
    protect(inner) {
      execFileSync('mount', ['--bind', inner, inner]);
      execFileSync('mount', ['-o', 'remount,bind,ro', inner]);
      return () => execFileSync('umount', ['--lazy', inner]);
    },
    async remove() {
      execFileSync('umount', ['--lazy', folder]);
      if (at === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

function mount(folder: string, megabytes: number): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${String(megabytes)}m`, 'tmpfs', folder], {
    stdio: 'pipe',
  });
}

/** A container's root may not. */
function tryMount(): boolean {
  try {
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
