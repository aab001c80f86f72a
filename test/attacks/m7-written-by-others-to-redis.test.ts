import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { createSignedPresence, type Presence } from '@aduana/core/mtls/signed-presence';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createSpentProofs } from '@aduana/core/tokens/spent-proofs';
import { createRedisRateCounter, PRESENCE_MS } from '@aduana/server-kit/bus/redis-rate-counter';
import { createRedisSpentIds } from '@aduana/server-kit/bus/redis-spent-ids';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createFakeClock } from '../support/fake-clock.ts';
import { describeRedis, redisUrl } from '../support/redis.ts';
import { createTestCa, type TestCa } from '../support/test-ca.ts';
import { createTestIdentity, issueTestIdentity, toForgedGeneration } from '../support/test-identity.ts';

const log = createLog('silent', () => undefined);
const clock = createSystemClock();
let ca: TestCa;
let gateway: Awaited<ReturnType<typeof issueTestIdentity>>;
beforeAll(async () => {
  ca = await createTestCa();
  gateway = await issueTestIdentity(ca, 'gateway');
});

const presenceOf = (id: string, identity = gateway, at = clock): Presence =>
  createSignedPresence({
    id,
    identity,
    trustDomain: 'aduana.local',
    clock: at,
    lifeMilliseconds: PRESENCE_MS,
  });

test('replicas of one service count each other, each once however often it is found', () => {
  const [one, two] = [presenceOf('one'), presenceOf('two')];
  expect(one.count([one.announce(), two.announce(), two.announce(), one.announce()])).toBe(2);
});

test('what was written by anybody else is no replica', async () => {
  const one = presenceOf('one');
  const good = one.announce();
  const other = createTestIdentity(toForgedGeneration(ca.cert, await (await createTestCa()).issue('gateway')));
  const shownChain = createTestIdentity({ ...gateway.current(), secureContextOptions: other.current().secureContextOptions });
  const forged = [
    ...Array.from({ length: 300 }, () => randomBytes(16).toString('hex')),
    ...Array.from({ length: 10 }, (_, n) => good.replace('"one"', `"forged ${String(n)}"`)),
    presenceOf('another service', await issueTestIdentity(ca, 'leads')).announce(),
    presenceOf('another CA', other).announce(),
    presenceOf('the chain of another', shownChain).announce(),
    ...['', '.', '.[]', '.[1,2,3]', `x.${'['.repeat(100_000)}`, '{}', 'null', '.'.repeat(20_000)],
  ];
  expect(one.count(forged)).toBe(0);
  expect(one.count([...forged, good])).toBe(1);
}); // prettier-ignore

test('an announcement that is repeated long after counts no more', async () => {
  const time = createFakeClock(clock.now());
  const two = presenceOf('two', gateway, time).announce();
  const one = presenceOf('one', gateway, time);
  expect(one.count([two])).toBe(1);
  await time.advance(PRESENCE_MS + 60_001);
  expect(one.count([two])).toBe(0);
});

describeRedis('what who can write to Redis can do', () => {
  const prefix = `aduana-test:${randomBytes(6).toString('hex')}:`;
  const redis = new Redis(redisUrl ?? '', { lazyConnect: true });
  const closers: { close(): Promise<void> }[] = [];
  const kept = <Part extends { close(): Promise<void> }>(part: Part): Part => {
    closers.push(part);
    return part;
  };
  afterAll(async () => {
    for (const part of closers) await part.close();
    const keys = await redis.keys(`${prefix}*`);
    if (keys.length > 0) await redis.del(...keys);
    redis.disconnect();
  });
  const counterOf = (id: string) =>
    kept(createRedisRateCounter({ url: redisUrl ?? '', prefix, presence: presenceOf(id), clock, log }));

  test('three hundred forged members take nothing of the share of a replica', async () => {
    const now = Math.floor(Date.now() / 1000);
    await redis.zadd(`${prefix}replicas`, ...Array.from({ length: 300 }, (_, n) => [now - 1, `forged ${String(n)}`]).flat());
    const one = counterOf('one');
    const two = counterOf('two');
    while (one.replicas < 2 && two.replicas < 2) await clock.sleep(10);
    expect([1, 2]).toContain(one.replicas);
    expect([1, 2]).toContain(two.replicas);
  }); // prettier-ignore

  test('keys that are deleted or of another kind let no proof pass twice where it was seen', async () => {
    const open = () =>
      kept(createRedisSpentIds({ url: redisUrl ?? '', prefix, own: createSpentProofs(clock), clock, log }));
    const [one, two] = [open(), open()];
    while (!(await one.spend(randomBytes(8).toString('hex'), clock.now() + 1_000), one.state === 'ok')) await clock.sleep(10);
    const expiresAt = clock.now() + 60_000;
    expect(await one.spend('proof', expiresAt)).toBe(true);
    expect(await two.spend('proof', expiresAt)).toBe(false);
    await redis.del(`${prefix}spent:proof`);
    expect(await one.spend('proof', expiresAt)).toBe(false);
    expect(await two.spend('proof', expiresAt)).toBe(false); // seen there as well, though it was refused
  }); // prettier-ignore
});
