/**
 * The attacker controls Redis or a Sentinel, or sits on the way to it: what it sends ends no process, takes no memory without
 * a bound, and keeps no service from working again once Redis is itself.
 */
import type { Socket } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { connectRedis, connectRedisForMessages } from '@aduana/server-kit/bus/connect-redis';
import { type AnsweringRedis, bulk, startAnsweringRedis, subscribed } from '../support/answering-redis.ts';
import { until } from '../support/until.ts';

const open = new Set<{ close(): unknown }>();
afterEach(() => {
  for (const one of open) one.close();
  open.clear();
});

async function startRedis(lie: AnsweringRedis['lie'], times?: number): Promise<AnsweringRedis> {
  const redis = await startAnsweringRedis(lie, times);
  open.add(redis);
  return redis;
}

const LIES: Readonly<Record<string, string>> = {
  'a null that nobody asked for': `${subscribed}_\r\n`,
  'a null of RESP2': `${subscribed}$-1\r\n`,
  'an error that nobody asked for': `${subscribed}-ERR\r\n`,
  'a message without a channel': `${subscribed}>1\r\n${bulk('message')}`,
  'a message of null': `${subscribed}>3\r\n${bulk('message')}_\r\n_\r\n`,
  'a push of null': `${subscribed}>1\r\n_\r\n`,
  'a subscription without a channel': `>1\r\n${bulk('subscribe')}`,
  'a number in place of a subscription': ':1\r\n',
  'a null in place of a subscription': '_\r\n',
  'what is not RESP': `${subscribed}GET / HTTP/1.1\r\n\r\n`,
  'a reply that is nested deeply': '*1\r\n'.repeat(100_000),
  'a redirection to nowhere': '-MOVED 5\r\n',
};

test.each(Object.keys(LIES))('%s ends the connection, and the next one works', async (name) => {
  const redis = await startRedis((command) => (command.includes('subscribe') ? LIES[name] : undefined));
  const client = connectRedisForMessages(`redis://127.0.0.1:${String(redis.port)}`, {
    autoResubscribe: true,
  });
  open.add({
    close: () => {
      client.disconnect();
    },
  });
  let heard = 0;
  client.on('error', () => undefined);
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

test.each([
  ['a message', `${subscribed}>3\r\n${bulk('message')}${bulk('a:sts')}$9000000000\r\n`],
  [
    'a message that seems small enough, and the next',
    `${subscribed}>3\r\n${bulk('message')}${bulk('a:sts')}$1000000\r\n`,
  ],
  ['a line', '+'],
  ['an array', '*4294967295\r\n'],
])('%s without end takes a few megabytes at most', async (_, beginning) => {
  const redis = await startRedis((command) => (command.includes('subscribe') ? beginning : undefined), 1);
  const client = connectRedisForMessages(`redis://127.0.0.1:${String(redis.port)}`, {});
  open.add({
    close: () => {
      client.disconnect();
    },
  });
  client.on('error', () => undefined);
  client.on('ready', () => {
    client.subscribe('a:sts').catch(() => undefined);
  });
  await until(() => redis.times === 0);
  const hostile = redis.sockets[0] as Socket;
  const [flood, fill] = [
    Buffer.alloc(65_536, '_'),
    () => {
      while (hostile.writable && hostile.write(flood));
    },
  ];
  hostile.on('drain', fill);
  fill();
  await until(() => hostile.destroyed);
  expect(hostile.bytesWritten).toBeLessThan(32 * 1024 * 1024);
});

test.each([
  ['slots that are null', 'slots', '*1\r\n_\r\n'],
  ['slots without end', 'slots', `*1\r\n*3\r\n:0\r\n:900000000000000\r\n*2\r\n${bulk('127.0.0.1')}:1\r\n`],
  ['slots of a node that is none', 'slots', '*1\r\n*3\r\n:0\r\n:16383\r\n:1\r\n'],
  ['a redirection to nowhere', '\r\nset\r\n', '-MOVED 5\r\n'],
  ['a redirection to a port that is none', '\r\nset\r\n', '-MOVED 5 127.0.0.1:99999\r\n'],
  ['a null that nobody asked for', '\r\nset\r\n', '+OK\r\n_\r\n'],
])('a node of a Cluster that says %s ends nothing', async (_, asked, lie) => {
  const redis = await startRedis((command) => (command.includes(asked) ? lie : undefined));
  const cluster = connectRedis(`redis+cluster://127.0.0.1:${String(redis.port)}`, { commandTimeout: 500 });
  open.add({
    close: () => {
      cluster.disconnect();
    },
  });
  cluster.on('error', () => undefined);
  let [answers, isAsking] = [0, false];
  await until(() => {
    if (!isAsking) {
      isAsking = true;
      cluster
        .set('a', '1')
        .then(
          () => (answers += 1),
          () => undefined,
        )
        .finally(() => (isAsking = false));
    }
    return redis.times === 0 && answers > 0;
  });
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
  const client = connectRedis(`redis+sentinel://127.0.0.1:${String(sentinel.port)}/mymaster`, {
    commandTimeout: 500,
  });
  open.add({
    close: () => {
      client.disconnect();
    },
  });
  client.on('error', () => undefined);
  await until(() => lies < 0 && client.status === 'ready');
});
