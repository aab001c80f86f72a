import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { load } from 'js-yaml';
import { Redis } from 'ioredis';
import { commandsOf, describeWith } from '../support/foreign-parts.ts';
import { freePort, untilListening } from '../support/free-port.ts';

// The attackers: a service that may only subscribe, and sends Redis commands that have no end; a gateway that fills it with keys.
const MEBIBYTE = 1024 * 1024;
const MOST_SENT = 256 * MEBIBYTE;
const { services } = load(readFileSync('docker-compose.yml', 'utf8')) as {
  services: Readonly<Record<'redis', { readonly command: readonly string[] }>>;
};
const [, ...options] = services.redis.command;
const [redisServer] = commandsOf('redis-server');

describeWith('redis-server', redisServer !== undefined, 'the Redis of docker-compose.yml', () => {
  let folder: string;
  let server: ChildProcess;
  let port: number;
  const clients: Redis[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'redis-commands-'));
    const users = readFileSync('deploy/redis/users.acl', 'utf8').replaceAll(' on ', ' on >secret ');
    const acl = join(folder, 'users.acl');
    await writeFile(acl, users);
    port = await freePort();
    const own = options.map((option) => (option === '/run/secrets/redis.acl' ? acl : option));
    server = spawn(redisServer ?? '', [...own, '--port', String(port), '--bind', '127.0.0.1', '--dir', folder], { stdio: 'ignore' }); // prettier-ignore
    await untilListening(port);
  });
  afterAll(async () => {
    for (const client of clients) client.disconnect();
    server.kill('SIGKILL');
    if (server.signalCode === null) await once(server, 'exit');
    await rm(folder, { recursive: true });
  });

  async function login(): Promise<Socket> {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined).write('AUTH leads secret\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toBe('+OK\r\n');
    return socket.resume();
  }

  /** @returns how many bytes were taken until the connection ended, or all */
  async function flood(beginning: string, part: Buffer): Promise<number> {
    const socket = await login();
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(beginning);
    while (!socket.destroyed && socket.bytesWritten < MOST_SENT)
      if (!socket.write(part))
        await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed]);
    socket.destroy();
    return socket.bytesWritten;
  }

  test.each([
    ['one text', `*2\r\n$4\r\nPING\r\n$${String(MOST_SENT)}\r\n`, Buffer.alloc(MEBIBYTE)],
    ['many texts', '*1000000\r\n', Buffer.from(`$1000000\r\n${'x'.repeat(1_000_000)}\r\n`)],
  ])('ends a connection whose command is too large: %s', async (_what, beginning, part) => {
    expect(await flood(beginning, part)).toBeLessThan(MOST_SENT / 2);
  });

  function open(username: string): Redis {
    const client = new Redis({
      host: '127.0.0.1',
      port,
      username,
      password: 'secret',
      enableReadyCheck: false,
    });
    clients.push(client);
    return client.on('error', () => undefined);
  }

  test('answers others afterwards, and takes the largest message of a replica', async () => {
    await open('gateway').set('aduana:replicas:one', 'x'.repeat(900_000));
  });

  test('refuses keys beyond its memory, forgets none, and goes on telling what has changed', async () => {
    const [gateway, sts, leads] = [open('gateway'), open('sts'), open('leads')];
    await gateway.set('aduana:spent:first', '');
    const filled = Array.from({ length: 512 }, (_, index) =>
      gateway.set(`aduana:spent:${String(index)}`, 'x'.repeat(900_000)),
    );
    const refused = (await Promise.allSettled(filled)).filter(({ status }) => status === 'rejected');
    expect(refused.length).toBeGreaterThan(100);
    expect(await gateway.set('aduana:spent:first', '', 'PX', 1000, 'NX').catch(String)).not.toBe('OK');
    const heard = once(leads, 'message');
    await leads.subscribe('aduana:status');
    await sts.publish('aduana:status', '');
    await heard;
  });
});
