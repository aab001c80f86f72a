import { afterAll, describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { createInProcessRateCounter } from '@aduana/server-kit/bus/in-process-rate-counter';
import type { RateCounter } from '@aduana/server-kit/bus/rate-counter';
import { createRedisRateCounter } from '@aduana/server-kit/bus/redis-rate-counter';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createFakeClock } from '../../../support/fake-clock.ts';
import { describeRedis, redisUrl } from '../../../support/redis.ts';

/** A replica whose announcements are believed. */
const presenceOf = () => {
  const id = randomBytes(6).toString('hex');
  return { announce: () => id, count: (found: readonly string[]) => new Set(found).size };
};
const MINUTE = 60_000;
const SILENT = createLog('silent', () => undefined);

const allowed = async (counter: RateCounter, times: number, limit = 5, key = 'k') => {
  const verdicts = await Promise.all(Array.from({ length: times }, () => counter.take(key, limit, MINUTE)));
  return verdicts.filter((verdict) => verdict.allowed).length;
};

describe('rates over the in-process counter', () => {
  test('no more than the limit within any window, and the rest when the oldest has left it', async () => {
    const clock = createFakeClock();
    const counter = createInProcessRateCounter(clock);
    expect(await allowed(counter, 3)).toBe(3);
    await clock.advance(30_000);
    expect(await allowed(counter, 9)).toBe(2);
    await clock.advance(29_999);
    expect(await counter.take('k', 5, MINUTE)).toEqual({ allowed: false, retryAfterMilliseconds: 1 });
    await clock.advance(1);
    expect(await allowed(counter, 9)).toBe(3);
    await clock.advance(30_000);
    expect(await allowed(counter, 9)).toBe(2);
  });

  test('keys do not share, and a limit of none allows none', async () => {
    const counter = createInProcessRateCounter(createFakeClock());
    expect(await allowed(counter, 9, 5, 'a')).toBe(5);
    expect(await allowed(counter, 9, 5, 'b')).toBe(5);
    expect(await allowed(counter, 9, 0, 'c')).toBe(0);
  });

  test('a hundred thousand requests leave no more than a window behind', async () => {
    const clock = createFakeClock();
    const counter = createInProcessRateCounter(clock);
    for (let round = 0; round < 100; round += 1) {
      expect(await allowed(counter, 1_000, 1_000)).toBe(1_000);
      await clock.advance(MINUTE);
    }
  });
});

describeRedis('rates over Redis', () => {
  const clock = createSystemClock();
  const prefix = `aduana-test:${randomBytes(6).toString('hex')}:`;
  const counters: RateCounter[] = [];
  const open = (url = redisUrl ?? ''): RateCounter => {
    const counter = createRedisRateCounter({ url, prefix, presence: presenceOf(), clock, log: SILENT });
    counters.push(counter);
    return counter;
  };
  const ready = async (counter: RateCounter): Promise<void> => {
    while (!(await counter.take(`ready-${randomBytes(4).toString('hex')}`, 1, 1_000), counter.state === 'ok'))
      await clock.sleep(10);
  };
  afterAll(async () => {
    for (const counter of counters) await counter.close();
    const redis = new Redis(redisUrl ?? '');
    const keys = await redis.keys(`${prefix}*`);
    if (keys.length > 0) await redis.del(...keys);
    redis.disconnect();
  });

  test('two replicas together allow exactly the limit', async () => {
    const [one, two] = [open(), open()];
    await Promise.all([ready(one), ready(two)]);
    const [first, second] = await Promise.all([allowed(one, 400, 250), allowed(two, 400, 250)]);
    expect(first + second).toBe(250);
    expect((await two.take('k', 250, MINUTE)).retryAfterMilliseconds).toBeGreaterThan(0);
  });

  test('what has left the window makes room', async () => {
    const counter = open();
    await ready(counter);
    expect((await counter.take('short', 1, 2_000)).allowed).toBe(true);
    const refused = await counter.take('short', 1, 2_000);
    expect(refused.allowed).toBe(false);
    await clock.sleep(refused.retryAfterMilliseconds + 5);
    expect((await counter.take('short', 1, 2_000)).allowed).toBe(true);
    expect((await counter.take('none', 0, 100)).allowed).toBe(false);
  });

  test('replicas know how many they are', async () => {
    const one = open();
    await ready(one);
    const two = open();
    while (two.replicas < 2) await clock.sleep(10);
    expect(two.replicas).toBeGreaterThanOrEqual(2);
  });

  test('without Redis a replica goes on alone and says so', async () => {
    const counter = open('redis://127.0.0.1:1');
    expect(await allowed(counter, 20, 5)).toBe(5);
    expect(counter.state).toBe('alone');
  });
});
