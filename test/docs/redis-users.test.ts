import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import type { RateCounter } from '@aduana/server-kit/bus/rate-counter';
import { createRedisBus } from '@aduana/server-kit/bus/redis-bus';
import { createRedisRateCounter } from '@aduana/server-kit/bus/redis-rate-counter';
import { createRedisSpentIds } from '@aduana/server-kit/bus/redis-spent-ids';
import { Redis } from 'ioredis';
import { commandsOf, describeWith } from '../support/foreign-parts.ts';
import { freePort, untilListening } from '../support/free-port.ts';
import { until } from '../support/until.ts';

const SILENT = createLog('silent', () => undefined);
const CLOCK = createSystemClock();
const PREFIX = 'aduana:';

describeWith('redis-server', commandsOf('redis-server').length > 0, 'the Redis users of deploy/redis', () => {
  let folder: string;
  let server: ChildProcess;
  let port: number;
  const opened: { close(): Promise<void> }[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'redis-users-'));
    port = await freePort();
    const users = readFileSync('deploy/redis/users.acl', 'utf8').replaceAll(' on ', ' on >secret ');
    await writeFile(join(folder, 'users.acl'), users);
    const options = { port: String(port), bind: '127.0.0.1', save: '', dir: folder, aclfile: join(folder, 'users.acl') }; // prettier-ignore
    const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
    server = spawn('redis-server', words, { stdio: 'ignore' });
    await untilListening(port);
  });

  afterAll(async () => {
    await Promise.all(opened.map((part) => part.close()));
    server.kill('SIGTERM');
    await once(server, 'exit');
    await rm(folder, { recursive: true });
  });

  const urlOf = (user: string) => `redis://${user}:secret@127.0.0.1:${String(port)}`;

  function open<Part extends { close(): Promise<void> }>(part: Part): Part {
    opened.push(part);
    return part;
  }

  /** What Redis answers to a command of a user: `refused`, or how it failed otherwise. */
  async function answerTo(url: string, ...[name, ...words]: [string, ...string[]]): Promise<string> {
    const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, enableReadyCheck: false });
    redis.on('error', () => undefined);
    try {
      await redis.connect();
      await redis.call(name, ...words);
      return 'allowed';
    } catch (error) {
      return /^(NOPERM|NOAUTH|ERR ACL failure)/.test((error as Error).message)
        ? 'refused'
        : (error as Error).message;
    } finally {
      redis.disconnect();
    }
  }

  test('the gateway counts rates, knows its replicas and remembers proofs', async () => {
    const [counter, other] = ['one', 'two'].map((name) =>
      open(
        createRedisRateCounter({
          url: urlOf('gateway'),
          prefix: PREFIX,
          presence: { announce: () => name, count: (found) => found.length },
          clock: CLOCK,
          log: SILENT,
        }),
      ),
    ) as [RateCounter, RateCounter];
    await until(() => Promise.resolve(counter.replicas === 2 || other.replicas === 2));
    const own = () => true;
    const [first, second] = [1, 2].map(() =>
      open(createRedisSpentIds({ url: urlOf('gateway'), prefix: `${PREFIX}proof:`, own, clock: CLOCK, log: SILENT })),
    ); // prettier-ignore
    const expiresAt = CLOCK.now() + 60_000;
    await until(async () => {
      await counter.take('caller', 100, 60_000);
      return counter.state === 'ok';
    });
    await until(async () => (await first?.spend('warm-up', expiresAt)) === false || first?.state === 'ok');
    await until(async () => (await second?.spend('warm-up-2', expiresAt)) === true && second?.state === 'ok');
    expect(await first?.spend('a proof', expiresAt)).toBe(true);
    expect(await second?.spend('a proof', expiresAt)).toBe(false);
    for (let taken = 0; taken < 3; taken += 1) await counter.take('another', 3, 60_000);
    expect(await counter.take('another', 3, 60_000)).toMatchObject({ allowed: false });
    expect(counter.state).toBe('ok');
  });

  test.each(['gateway', 'audit', 'admin', 'console', 'leads', 'sts'])(
    '%s is woken by the STS',
    async (user) => {
      const listener = open(createRedisBus(urlOf(user), PREFIX, { clock: CLOCK, log: SILENT }));
      const sts = open(createRedisBus(urlOf('sts'), PREFIX, { clock: CLOCK, log: SILENT }));
      let woken = 0;
      listener.subscribe('status', () => (woken += 1));
      await until(() => listener.connected && sts.connected);
      const before = woken;
      await until(() => {
        sts.publish('status');
        return woken > before;
      });
    },
  );

  test.each([
    ['gateway', ['PUBLISH', 'aduana:status', ''], 'a message in the name of the STS'],
    ['gateway', ['SET', 'other:key', '1'], 'a key outside of the prefix'],
    ['gateway', ['GET', 'aduana:rate:caller'], 'a command that it does not use'],
    ['gateway', ['KEYS', '*'], 'a listing of all keys'],
    ['gateway', ['CONFIG', 'GET', '*'], 'the configuration'],
    ['gateway', ['EVAL', "return redis.call('DEL', KEYS[1])", '1', 'aduana:replicas'], 'a script with another command'],
    ['leads', ['PUBLISH', 'aduana:status', ''], 'a message in the name of the STS'],
    ['leads', ['SET', 'aduana:proof:spent:x', ''], 'a key of the gateway'],
    ['sts', ['SET', 'aduana:replicas', ''], 'a key of the gateway'],
    ['sts', ['PUBLISH', 'other', ''], 'a channel outside of the prefix'],
    ['audit', ['FLUSHALL'], 'the end of everything'],
    ['admin', ['ACL', 'LIST'], 'the list of users'],
  ] as const)('%s is refused: %j, %s', async (user, [name, ...words], _what) => {
    expect(await answerTo(urlOf(user), name, ...words)).toBe('refused');
  }); // prettier-ignore

  test('nobody without a password is answered', async () => {
    expect(await answerTo(`redis://127.0.0.1:${String(port)}`, 'PING')).not.toBe('allowed');
    expect(await answerTo(`redis://gateway:wrong@127.0.0.1:${String(port)}`, 'PING')).not.toBe('allowed');
  });
});
