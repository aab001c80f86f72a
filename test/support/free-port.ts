import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

/** Below what the kernel gives to whoever asks for any port, so that nobody takes it in the meantime. */
const [FROM, TO] = [17_000, 32_000] as const;
const MOST_TRIES = 50;

/** A port of loopback at which nobody listens now. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const port = randomInt(FROM, TO);
    if (await isFree(port)) return port;
  }
  throw new Error('no port is free');
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

/** Resolves once somebody listens on a port of loopback. */
export async function untilListening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 3000; attempt += 1) {
    const socket = connect(port, '127.0.0.1');
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.on('connect', () => {
        resolve(true);
      });
      socket.on('error', () => {
        resolve(false);
      });
    });
    socket.destroy();
    if (isOpen) return;
    await wait(50);
  }
  throw new Error('nobody listens');
}
