import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createStatusReader } from '@aduana/core/status/status-reader';
import { createRedisBus } from '@aduana/server-kit/bus/redis-bus';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createFakeClock } from '../support/fake-clock.ts';
import { describeRedis, redisUrl } from '../support/redis.ts';
import { until } from '../support/until.ts';

// The attacker: whoever can write to Redis, and wakes every reader as often as the line takes it.
const log = createLog('silent', () => undefined);

describe('a reader of the status feed that is woken all the time', () => {
  function openReader() {
    const clock = createFakeClock();
    const feed = { asked: 0, head: 0, wake: (): void => undefined };
    const reader = createStatusReader({
      fetchPage(after) {
        feed.asked += 1;
        const { head } = feed;
        const entries = head > after ? [{ kind: 'key_revoked', kid: 'k', seq: head, at: 0 } as const] : [];
        return Promise.resolve({ entries, head });
      },
      onWake(listener) {
        feed.wake = listener;
        return () => undefined;
      },
      clock,
      log,
    });
    return { clock, feed, reader };
  }

  test('asks the STS twice a second at most', async () => {
    const { clock, feed } = openReader();
    await clock.advance(5_000);
    feed.asked = 0;
    for (let passed = 0; passed < 10_000; passed += 5) {
      feed.wake();
      await clock.advance(5);
    }
    expect(feed.asked).toBeGreaterThan(10);
    expect(feed.asked).toBeLessThanOrEqual(30); // those of its own polls and the first few included
  });

  test('and sees a change within two seconds, during the flood and after it', async () => {
    const { clock, feed, reader } = openReader();
    await clock.advance(5_000);
    for (let passed = 0; passed < 3_000; passed += 5) {
      feed.wake();
      await clock.advance(5);
    }
    feed.head = 1;
    feed.wake(); // the real one, and the last
    await clock.advance(1_000);
    expect(reader.isKeyRevoked('k')).toBe(true);
  });

  test('where nobody floods, it reads at once, changes that follow one another too', async () => {
    const { clock, feed, reader } = openReader();
    await clock.advance(2_000);
    for (feed.head = 1; feed.head <= 3; feed.head += 1) {
      feed.wake();
      await clock.advance(0);
      expect(reader.version).toBe(feed.head);
    }
    expect(reader.isKeyRevoked('k')).toBe(true);
  });
});

describeRedis('messages in a flood over Redis', () => {
  test('wake a listener a few times, and once more after the last', async () => {
    const prefix = `flood-${randomBytes(6).toString('hex')}:`;
    const bus = createRedisBus(redisUrl ?? '', prefix, { clock: createSystemClock(), log });
    const attacker = new Redis(redisUrl ?? '');
    const heard = { times: 0, at: 0 };
    bus.subscribe('status', () => {
      heard.times += 1;
      heard.at = performance.now();
    });
    await until(async () => (await attacker.publish(`${prefix}status`, '')) > 0);
    await until(() => heard.times > 0);
    const [before, startedAt] = [heard.times, performance.now()];
    for (let round = 0; round < 20; round += 1) {
      const flood = attacker.pipeline();
      for (let count = 0; count < 500; count += 1) flood.publish(`${prefix}status`, '');
      await flood.exec();
    }
    const endedAt = performance.now();
    await until(() => heard.at >= endedAt);
    const woken = heard.times - before;
    expect(woken).toBeGreaterThanOrEqual(1);
    expect(woken).toBeLessThanOrEqual((performance.now() - startedAt) / 250 + 5);
    attacker.disconnect();
    await bus.close();
  });
});
