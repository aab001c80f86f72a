import { expect, test } from '@jest/globals';
import { createTraffic } from '../../../gateway/traffic/traffic.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

test('rates are those of the last minute, and durations within a fifth of what was measured', async () => {
  const clock = createFakeClock();
  const traffic = createTraffic(clock);
  for (let count = 0; count < 99; count += 1) {
    const startedAt = traffic.begin();
    await clock.advance(10);
    traffic.note(count < 9 ? 'refused' : 'answered', startedAt);
  }
  const startedAt = traffic.begin();
  await clock.advance(1_000);
  traffic.note('failed', startedAt);
  await clock.advance(60_000 - 990 - 1_000 - 1);
  const rates = traffic.lately();
  expect([rates.perSecond, rates.refusedPerSecond, rates.failedPerSecond]).toEqual([1.67, 0.15, 0.02]);
  expect(rates.p50Milliseconds).toBeGreaterThanOrEqual(10);
  expect(rates.p50Milliseconds).toBeLessThanOrEqual(12);
  await clock.advance(60_000);
  expect(traffic.lately()).toEqual({
    perSecond: 0,
    refusedPerSecond: 0,
    failedPerSecond: 0,
    p50Milliseconds: null,
    p99Milliseconds: null,
  });
});

test('the history has a span for every five seconds since the start, five minutes at most', async () => {
  const clock = createFakeClock();
  const traffic = createTraffic(clock);
  traffic.note('answered', traffic.begin());
  await clock.advance(12_000);
  traffic.note('failed', traffic.begin());
  expect(traffic.history().map(({ requests, failed }) => [requests, failed])).toEqual([
    [1, 0],
    [0, 0],
    [1, 1],
  ]);
  await clock.advance(600_000);
  const history = traffic.history();
  expect([history.length, history.some(({ requests }) => requests > 0)]).toEqual([60, false]);
});
