import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { openPgDatabase } from '@aduana/server-kit/store/pg-database';
import { describeWith, isProbing } from './foreign-parts.ts';
import { freePort } from './free-port.ts';

const VERSIONS = '/usr/lib/postgresql';
const ROOT_UID = 0;

/** Where its programs are, and as whom they run. */
interface Tools {
  readonly folder: string;
  /** PostgreSQL refuses to run as root. */
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
}

const tools = findPostgres();

/** A PostgreSQL server of a test's own, durable as in production, to be killed, stopped and held up. */
export interface PostgresCluster {
  readonly url: string;
  /** Resolves once it answers; does nothing while it runs. */
  start(): Promise<void>;
  /** SIGKILL to the postmaster and all that belongs to it. */
  kill(): Promise<void>;
  /** `pg_ctl stop -m immediate`: no checkpoint, the next start recovers. */
  stopAtOnce(): Promise<void>;
  /** `pg_ctl stop -m fast`: standbys have received everything before it ends. */
  stop(): Promise<void>;
  /** SIGSTOP to all of it: connections are accepted by the kernel, and nobody answers. */
  hold(): void;
  release(): void;
  /** A standby that follows this server, stopped. */
  createStandby(): Promise<PostgresCluster>;
  /** Makes a standby the primary. */
  promote(): void;
  remove(): Promise<void>;
}

/** A suite that needs servers of its own. */
export function describePostgresCluster(name: string, suite: () => void): void {
  describeWith("PostgreSQL's initdb, and a user postgres beside root", tools !== undefined, name, suite);
}

/** @param parent where its data lies; the system's folder for temporary files by default */
export function createPostgresCluster(parent = tmpdir()): Promise<PostgresCluster> {
  return createServer(parent, (run, data) => {
    run('initdb', '-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync', '--wal-segsize=1');
  });
}

type Run = (tool: string, ...parameters: string[]) => void;

async function createServer(
  parent: string,
  fill: (run: Run, data: string) => void,
): Promise<PostgresCluster> {
  if (tools === undefined) throw new Error('PostgreSQL is not installed');
  const { folder: bin, user } = tools;
  const folder = await mkdtemp(join(parent, 'aduana-postgres-'));
  if (user !== undefined) await chown(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const run: Run = (tool, ...parameters) => {
    execFileSync(join(bin, tool), parameters, { ...user, cwd: folder, stdio: 'ignore' });
  };
  fill(run, data);
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${String(port)}/postgres`;
  const parameters = ['-D', data, '-p', String(port), ...settingsOf(folder)];
  let server: ChildProcess | undefined;

  const family = (): number[] =>
    server?.pid === undefined ? [] : [server.pid, ...descendantsOf(server.pid)];
  const signal = (name: NodeJS.Signals): void => {
    for (const pid of family()) killQuietly(pid, name);
  };

  async function end(how: () => void): Promise<void> {
    const ending = server;
    if (ending?.exitCode !== null || ending.signalCode !== null) return;
    const pids = family();
    const exited = once(ending, 'exit');
    how();
    await exited;
    while (pids.some(isAlive)) await wait(20);
  }

  return {
    url,
    async start() {
      if (server?.exitCode === null && server.signalCode === null) return;
      server = spawn(join(bin, 'postgres'), parameters, { ...user, cwd: folder, stdio: 'ignore' });
      await untilAnswering(url, server);
    },
    kill: () => end(() => { signal('SIGKILL'); }),
    stopAtOnce: () => end(() => { run('pg_ctl', 'stop', '-D', data, '-m', 'immediate', '-W'); }),
    stop: () => end(() => { run('pg_ctl', 'stop', '-D', data, '-m', 'fast', '-W'); }),
    hold: () => { signal('SIGSTOP'); },
    release: () => { signal('SIGCONT'); },
    createStandby: () =>
      createServer(parent, (copy, target) => {
        copy('pg_basebackup', '-D', target, '-d', url, '-R', '-X', 'stream', '-c', 'fast', '--no-sync');
      }),
    promote: () => { run('pg_ctl', 'promote', '-D', data, '-w'); },
    async remove() {
      signal('SIGCONT');
      await end(() => { signal('SIGKILL'); });
      await rm(folder, { recursive: true, force: true });
    },
  }; // prettier-ignore
}

function settingsOf(folder: string): string[] {
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: folder,
    max_connections: '60',
    shared_buffers: '16MB',
    max_wal_size: '8MB',
    min_wal_size: '2MB',
    fsync: 'on',
    synchronous_commit: 'on',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** The newest PostgreSQL that is installed as Debian installs it. */
export function findPostgres(): Tools | undefined {
  const versions = isProbing && existsSync(VERSIONS) ? readdirSync(VERSIONS).sort() : [];
  const folder = versions.map((version) => join(VERSIONS, version, 'bin')).findLast((bin) => existsSync(join(bin, 'initdb'))); // prettier-ignore
  if (folder === undefined) return undefined;
  if (process.getuid?.() !== ROOT_UID) return { folder, user: undefined };
  const [, uid, gid] = /^postgres:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8')) ?? [];
  return uid === undefined ? undefined : { folder, user: { uid: Number(uid), gid: Number(gid) } };
}

/** Each backend leads a session of its own: nothing but the parent shows whose it is. */
function descendantsOf(pid: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === pid)
    .map(Number);
}

function parentOf(pid: string): number | undefined {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(line.slice(line.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined; // it has just ended
  }
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${String(pid)}/status`, 'utf8'));
  } catch {
    return false;
  }
}

function killQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // it has just ended
  }
}

async function untilAnswering(url: string, server: ChildProcess): Promise<void> {
  const log = createLog('silent', () => undefined);
  for (let attempt = 0; attempt < 1500; attempt += 1) {
    if (server.exitCode !== null) throw new Error(`PostgreSQL ended with ${String(server.exitCode)}`);
    const database = openPgDatabase({ url, schema: 'public', log, maxConnections: 1 });
    try {
      await database.query('SELECT 1');
      return;
    } catch {
      await wait(100);
    } finally {
      await database.close();
    }
  }
  throw new Error('PostgreSQL does not answer');
}
