import { randomBytes } from 'node:crypto';
import { afterAll, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { createRedisSpentIds } from '@aduana/server-kit/bus/redis-spent-ids';
import type { SpentIds } from '@aduana/server-kit/bus/spent-ids';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createSpentProofs } from '@aduana/core/tokens/spent-proofs';
import { describeRedis, redisUrl } from '../../../support/redis.ts';

const clock = createSystemClock();
const prefix = `aduana-test:${randomBytes(6).toString('hex')}:`;
const opened: SpentIds[] = [];

function open(url = redisUrl ?? ''): SpentIds & { readonly lines: readonly string[] } {
  const lines: string[] = [];
  const log = createLog('info', (line) => lines.push(line));
  const ids = createRedisSpentIds({ url, prefix, own: createSpentProofs(clock), clock, log });
  opened.push(ids);
  return Object.assign(ids, { lines });
}

const inAMinute = () => clock.now() + 60_000;

async function shared(ids: SpentIds): Promise<void> {
  while (!(await ids.spend(randomBytes(8).toString('hex'), clock.now() + 1_000), ids.state === 'ok'))
    await clock.sleep(10);
}

afterAll(async () => {
  for (const ids of opened) await ids.close();
});

describeRedis('used ids over Redis', () => {
  afterAll(async () => {
    const redis = new Redis(redisUrl ?? '');
    const keys = await redis.keys(`${prefix}*`);
    if (keys.length > 0) await redis.del(...keys);
    redis.disconnect();
  });

  test('an id is used once, whichever of two replicas sees it, at the same moment too', async () => {
    const [one, two] = [open(), open()];
    await Promise.all([shared(one), shared(two)]);
    expect(await one.spend('first', inAMinute())).toBe(true);
    expect(await two.spend('first', inAMinute())).toBe(false);
    expect(await one.spend('first', inAMinute())).toBe(false);
    const both = await Promise.all([one.spend('second', inAMinute()), two.spend('second', inAMinute())]);
    expect(both.sort()).toEqual([false, true]);
  });

  test('is forgotten when it has expired', async () => {
    const redis = new Redis(redisUrl ?? '');
    const ids = open();
    await shared(ids);
    await ids.spend('short', clock.now() + 60_000);
    const left = await redis.pttl(`${prefix}spent:short`);
    redis.disconnect();
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(60_000);
  });
});

test('without Redis a replica refuses what it has seen itself, and says once that it is alone', async () => {
  const ids = open('redis://127.0.0.1:1');
  expect(await ids.spend('a', inAMinute())).toBe(true);
  expect(await ids.spend('a', inAMinute())).toBe(false);
  expect(await ids.spend('b', inAMinute())).toBe(true);
  expect(ids.state).toBe('alone');
  expect(ids.lines.filter((line) => line.includes('Redis is away'))).toHaveLength(1);
});
