/** The attacker of `hostile-redis`, behind `rediss`: TLS proves which Redis it is, and not that it is still itself. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Socket } from 'node:net';
import { afterEach, beforeAll, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { GuardedConnector, GuardedSentinelConnector } from '@aduana/server-kit/bus/redis-connectors';
import { type AnsweringRedis, bulk, startAnsweringRedis, subscribed } from '../support/answering-redis.ts';
import { freePort } from '../support/free-port.ts';
import { ADMIN, describeRedisServers, openRedisServers } from '../support/redis-servers.ts';
import { createTestCa, type TestCa, type TestLeaf } from '../support/test-ca.ts';
import { until } from '../support/until.ts';

const MEBIBYTE = 1024 * 1024;
const open = new Set<{ close(): unknown }>();
let ca: TestCa;
let leaf: TestLeaf;

beforeAll(async () => {
  ca = await createTestCa();
  leaf = await ca.issue('gateway');
});
afterEach(async () => {
  for (const one of open) await one.close();
  open.clear();
});

async function startRedis(lie: AnsweringRedis['lie'], times?: number): Promise<AnsweringRedis> {
  const redis = await startAnsweringRedis(lie, times, { key: leaf.key, cert: leaf.cert });
  open.add(redis);
  return redis;
}

/** As `connectRedis` connects by a `rediss` URL, but for the CA, which NODE_EXTRA_CA_CERTS gives a process. */
function connect(options: object): Redis {
  const client = new Redis({ host: '127.0.0.1', tls: { ca: ca.cert }, Connector: GuardedConnector, retryStrategy: () => 20, maxRetriesPerRequest: 0, ...options }); // prettier-ignore
  client.on('error', () => undefined);
  open.add({
    close: () => {
      client.disconnect();
    },
  });
  return client;
}

test.each([
  ['a null that nobody asked for', `${subscribed}_\r\n`],
  ['a message of null', `${subscribed}>3\r\n${bulk('message')}_\r\n_\r\n`],
  ['a number in place of a subscription', ':1\r\n'],
  ['what is not RESP', `${subscribed}GET / HTTP/1.1\r\n\r\n`],
  ['a reply that is nested deeply', '*1\r\n'.repeat(100_000)],
  ['a reply that is larger than any', `$${String(MEBIBYTE + 1)}\r\n`],
])('%s ends the connection, and the next one works', async (_name, lie) => {
  const redis = await startRedis((command) => (command.includes('subscribe') ? lie : undefined));
  const client = connect({ port: redis.port });
  let heard = 0;
  client.on('message', () => (heard += 1));
  client.on('ready', () => {
    client.subscribe('a:sts').catch(() => undefined);
  });
  await until(() => redis.times === 0 && redis.sockets.length > 3 && client.status === 'ready');
  await until(() => {
    redis.sockets.at(-1)?.write(`>3\r\n${bulk('message')}${bulk('a:sts')}${bulk('')}`);
    return heard > 0;
  });
});

test('a message without end takes a few megabytes at most', async () => {
  const beginning = `${subscribed}>3\r\n${bulk('message')}${bulk('a:sts')}$1000000\r\n`;
  const redis = await startRedis((command) => (command.includes('subscribe') ? beginning : undefined), 1);
  const client = connect({ port: redis.port });
  client.on('ready', () => {
    client.subscribe('a:sts').catch(() => undefined);
  });
  await until(() => redis.times === 0);
  const hostile = redis.sockets[0] as Socket;
  const flood = Buffer.alloc(65_536, '_');
  const fill = (): void => {
    while (hostile.writable && hostile.write(flood));
  };
  hostile.on('drain', fill);
  fill();
  await until(() => hostile.destroyed);
  expect(hostile.bytesWritten).toBeLessThan(32 * MEBIBYTE);
});

test('a Sentinel that says what nobody asked for ends nothing, and the master is found once it says the truth', async () => {
  const master = await startRedis(() => undefined);
  const named = `*2\r\n${bulk('127.0.0.1')}${bulk(String(master.port))}`;
  let lies = 3;
  const sentinel = await startRedis((command) => {
    if (!command.includes('get-master')) return undefined;
    lies -= 1;
    return lies < 0 ? named : '_\r\n_\r\n_\r\n';
  }, 1000);
  const client = connect({
    sentinels: [{ host: '127.0.0.1', port: sentinel.port }],
    name: 'mymaster',
    enableTLSForSentinelMode: true,
    sentinelTLS: { ca: ca.cert },
    sentinelRetryStrategy: () => 20,
    Connector: GuardedSentinelConnector,
  });
  await until(() => lies < 0 && client.status === 'ready');
});

describeRedisServers('a Redis over TLS', () => {
  test('answers, and a reply that is too large ends the connection', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'aduana-redis-tls-'));
    const files = { 'ca-cert': ca.cert, cert: leaf.cert, key: leaf.key };
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, `${name}.pem`), text);
    const servers = await openRedisServers();
    open.add({ close: () => servers.close().then(() => rm(folder, { recursive: true })) });
    const port = await freePort();
    const options = Object.keys(files).map((name) => `tls-${name}-file ${join(folder, `${name}.pem`)}`);
    await servers.start('server', [`tls-port ${String(port)}`, 'tls-auth-clients no', ...options]);
    const client = connect({ port, username: ADMIN.user, password: ADMIN.password });
    const ended: unknown[] = [];
    client.on('error', (error) => ended.push(error));
    await until(() => client.status === 'ready');
    await client.set('small', 'a');
    expect(await client.get('small')).toBe('a');
    await client.set('large', 'a'.repeat(2 * MEBIBYTE));
    await expect(client.get('large')).rejects.toThrow();
    expect(ended.map(String)).toEqual(['RangeError: what Redis sent is too large']);
    await until(() => client.status === 'ready');
    expect(await client.get('small')).toBe('a');
  });
});
