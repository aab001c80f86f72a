import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { commandsOf, describeWith } from './foreign-parts.ts';
import { freePort } from './free-port.ts';

const COMMAND = commandsOf('moto_server').find(
  (command) => spawnSync(command, ['--help'], { timeout: 60_000 }).status === 0,
);

export const hasMoto = COMMAND !== undefined;

/** A suite against Debian's `python3-moto`. */
export function describeMoto(name: string, suite: () => void): void {
  describeWith('moto', hasMoto, name, suite);
}

export interface Moto {
  readonly address: string;
  stop(): void;
}

/** A server of moto, which speaks AWS KMS. */
export async function startMoto(): Promise<Moto> {
  const port = await freePort();
  const child: ChildProcess = spawn(COMMAND ?? '', ['-H', '127.0.0.1', '-p', String(port)], {
    stdio: 'ignore',
  });
  const address = `http://127.0.0.1:${String(port)}`;
  for (let attempt = 0; attempt < 3000; attempt += 1) {
    const up = await fetch(`${address}/moto-api/`).then(() => true, () => false); // prettier-ignore
    if (up) return { address, stop: () => child.kill() };
    await pause(50);
  }
  throw new Error('moto does not answer');
}
