import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commandsOf } from './foreign-parts.ts';
import { freePort, untilListening } from './free-port.ts';

const NOBODY = 65_534;

/** A pgbouncer that lends a connection of a server for one transaction at a time. */
export interface Bouncer {
  readonly url: string;
  close(): Promise<void>;
}

/** @returns undefined where it is not installed */
export async function openBouncer(databaseUrl: string): Promise<Bouncer | undefined> {
  const [command] = commandsOf('pgbouncer');
  if (command === undefined) return undefined;
  const { hostname, port: serverPort } = new URL(databaseUrl);
  const folder = await mkdtemp(join(tmpdir(), 'aduana-bouncer-'));
  const port = await freePort();
  const file = join(folder, 'pgbouncer.ini');
  const settings = [
    '[databases]',
    `postgres = host=${hostname} port=${serverPort} user=postgres`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${String(port)}`,
    'unix_socket_dir =',
    'auth_type = any',
    'pool_mode = transaction',
  ];
  await writeFile(file, `${settings.join('\n')}\n`);
  await chown(folder, NOBODY, NOBODY);
  // it refuses to run as root
  const user = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const child: ChildProcess = spawn(command, [file], { ...user, stdio: 'ignore' });
  await untilListening(port);
  return {
    url: `postgres://postgres@127.0.0.1:${String(port)}/postgres`,
    async close() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}
