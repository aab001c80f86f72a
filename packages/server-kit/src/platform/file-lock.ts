import { link, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { Clock } from '@aduana/core/platform/clock';
import { every } from '@aduana/core/platform/every';
import { uuid } from '@aduana/core/platform/ids';
import { isSocketAlive, openLivenessSocket } from './liveness-socket.ts';

const HEARTBEAT_MILLISECONDS = 5000;
/** A holder on another machine cannot be asked: it counts as dead after that much silence. */
const SILENCE_MILLISECONDS = 30_000;
const RETRY_MILLISECONDS = 50;

export interface FileLock {
  readonly held: true;
  /** Idempotent. */
  release(): Promise<void>;
}

export interface FileLockRefusal {
  readonly held: false;
  /** In words for a log or an error. */
  readonly holder: string;
}

interface Holder {
  readonly id: string;
  readonly pid: number;
  readonly host: string;
  /** When the process began, in the kernel's words, so that a reused pid is not taken for it. */
  readonly started: string;
  /** The kernel's boot, which containers of one machine share; empty where it is not known. */
  readonly machine?: string;
}

/**
 * Claims a lock file among all processes, also of other hosts that share the folder; a holder that died without a word
 * is noticed.
 *
 * @throws the file system's error when the folder cannot be written
 */
export async function tryFileLock(path: string, clock: Clock): Promise<FileLock | FileLockRefusal> {
  const me: Holder = {
    id: uuid(),
    pid: process.pid,
    host: hostname(),
    started: (await startOf(process.pid)) ?? '',
    machine: await machineOf(),
  };
  const alive = await openLivenessSocket(socketOf(path, me));
  const holder = await take(path, me, clock).catch(async (error: unknown) => {
    await alive?.close();
    throw error;
  });
  if (holder !== me) {
    await alive?.close();
    return refusal(holder);
  }
  const beating = every(
    clock,
    () => HEARTBEAT_MILLISECONDS,
    async () => {
      const now = clock.now() / 1000;
      await utimes(path, now, now);
    },
    () => undefined, // the folder is gone: nothing is left to protect
  );
  return {
    held: true,
    async release() {
      await beating.stop();
      if ((await readHolder(path))?.id === me.id) await rm(path, { force: true });
      await alive?.close();
    },
  };
}

/**
 * Runs a short task while no other process runs one under the same lock file.
 *
 * @throws the error of `onTimeout` when others hold the lock for too long
 */
export async function withFileLock<Result>(
  path: string,
  clock: Clock,
  patienceMilliseconds: number,
  onTimeout: (holder: string) => Error,
  task: () => Promise<Result>,
): Promise<Result> {
  const deadline = clock.monotonic() + patienceMilliseconds;
  for (;;) {
    const lock = await tryFileLock(path, clock);
    if (lock.held) return task().finally(() => lock.release());
    if (clock.monotonic() >= deadline) throw onTimeout(lock.holder);
    await clock.sleep(RETRY_MILLISECONDS);
  }
}

/** Who holds the lock afterwards: the claimant, or another; undefined where that cannot be read. */
async function take(path: string, me: Holder, clock: Clock): Promise<Holder | undefined> {
  if (await claim(path, me)) return me;
  const holder = await readHolder(path);
  if (holder !== undefined && (await isAlive(holder, path, clock))) return holder;
  await breakStale(path, holder);
  return (await claim(path, me)) ? me : readHolder(path);
}

function socketOf(path: string, { id }: Holder): string {
  return `${path}.${id.slice(0, 8)}.sock`;
}

async function machineOf(): Promise<string> {
  return readFile('/proc/sys/kernel/random/boot_id', 'utf8').then(
    (text) => text.trim(),
    () => '',
  );
}

function refusal(holder: Holder | undefined): FileLockRefusal {
  return {
    held: false,
    holder: holder === undefined ? 'another process' : `process ${String(holder.pid)} on ${holder.host}`,
  };
}

/** A link is made whole or not at all: nobody reads half a lock. */
async function claim(path: string, me: Holder): Promise<boolean> {
  const draft = `${path}.${me.id}`;
  await writeFile(draft, JSON.stringify(me), { mode: 0o600 });
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Holder;
  } catch {
    return undefined;
  }
}

async function isAlive(holder: Holder, path: string, clock: Clock): Promise<boolean> {
  if (holder.machine !== undefined && holder.machine !== '' && holder.machine === (await machineOf())) {
    // a container has a pid namespace and a host name of its own: only the kernel knows
    const answer = await isSocketAlive(socketOf(path, holder));
    if (answer !== undefined) return answer;
  }
  if (holder.host !== hostname()) {
    const touched = await stat(path).catch(() => undefined);
    return touched !== undefined && clock.now() - touched.mtimeMs < SILENCE_MILLISECONDS;
  }
  const started = await startOf(holder.pid);
  return started !== undefined && started === holder.started;
}

/** When a living process began; undefined where there is none, or one that is dead and only waits for its parent. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    const line = await readFile(`/proc/${String(pid)}/stat`, 'utf8');
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return isRunning(pid) ? 'unknown' : undefined; // a system without /proc, or no such process
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Takes the dead holder's lock away; if somebody else did so first and holds it now, it is put back. */
async function breakStale(path: string, dead: Holder | undefined): Promise<void> {
  const aside = `${path}.${uuid()}`;
  try {
    await rename(path, aside);
  } catch {
    return; // somebody else was first
  }
  const taken = await readHolder(aside);
  if (taken?.id !== dead?.id) await link(aside, path).catch(() => undefined);
  else if (dead !== undefined) await rm(socketOf(path, dead), { force: true });
  await rm(aside, { force: true });
}
