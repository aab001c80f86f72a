import { describe, expect, test } from '@jest/globals';
import { createAnonymousFlood } from '@aduana/server-kit/audit/anonymous-flood';
import type { AuditRecord } from '@aduana/client/audit/audit-event';
import { SecurityError } from '@aduana/core/errors/security-error';
import { createFakeClock } from '../../../support/fake-clock.ts';

function openFlood(limitPerMinute: number | 'off') {
  const clock = createFakeClock('2026-01-01T00:00:10Z');
  const records: AuditRecord[] = [];
  const line = { isAway: false };
  const record = (one: AuditRecord) =>
    line.isAway ? Promise.reject(new SecurityError('AUDIT_UNAVAILABLE')) : Promise.resolve(records.push(one));
  const flood = createAnonymousFlood({ limitPerMinute, clock, record, onError: () => undefined });
  const told = () =>
    records.map(({ id, detail = {} }): Readonly<Record<string, unknown>> => ({ id, ...detail }));
  const counted = () => told().reduce((sum, { count }) => sum + Number(count), 0);
  return { clock, records, line, flood, told, counted };
}

const MINUTE = '2026-01-01T00:00:00.000Z';

describe('a flood of anonymous refusals', () => {
  test('is recorded one by one up to the limit of the minute', async () => {
    const { flood } = openFlood(2);
    expect([await flood.count('a'), await flood.count('b')]).toEqual([undefined, undefined]);
    expect(await flood.count('a')).toMatchObject({ retryAfterSeconds: 50 });
  });

  test('is counted by source beyond it, under the id that the answers bear', async () => {
    const { flood, clock, records, told } = openFlood(0);
    const first = await flood.count('a');
    for (let more = 0; more < 4; more += 1) expect((await flood.count('a'))?.eventId).toBe(first?.eventId);
    const other = await flood.count('b');
    await clock.advance(50_000);
    expect(told()).toEqual([
      { id: first?.eventId, source_address: 'a', minute: MINUTE, count: 1 },
      { id: other?.eventId, source_address: 'b', minute: MINUTE, count: 1 },
      { source_address: 'a', minute: MINUTE, count: 4, settles: first?.eventId },
      { source_address: 'b', minute: MINUTE, count: 0, settles: other?.eventId },
    ]);
    expect(new Set(records.map(({ type }) => type))).toEqual(new Set(['request.flood']));
    await flood.flush();
    expect(records).toHaveLength(4);
  });

  test('has its event before the first answer, so that a crash leaves no answer without one', async () => {
    const { flood, told } = openFlood(0);
    const answers = await Promise.all(Array.from({ length: 100 }, () => flood.count('a')));
    const ids = new Set(told().map(({ id }) => id));
    expect(answers.every((answer) => ids.has(answer?.eventId))).toBe(true);
    expect(told()).toMatchObject([{ count: 1 }]);
  });

  test('is refused while nothing can be recorded, and counted in full later', async () => {
    const { flood, line, clock, counted } = openFlood(0);
    line.isAway = true;
    await expect(flood.count('a')).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
    await expect(flood.count('a')).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
    line.isAway = false;
    expect(await flood.count('a')).toBeDefined();
    expect(counted()).toBe(3);
    await flood.count('a');
    line.isAway = true;
    await clock.advance(60_000);
    line.isAway = false;
    await flood.flush();
    expect(counted()).toBe(4);
  });

  test('begins anew with each minute', async () => {
    const { flood, clock } = openFlood(1);
    await flood.count('a');
    expect(await flood.count('a')).toBeDefined();
    await clock.advance(60_000);
    expect(await flood.count('a')).toBeUndefined();
  });

  test('from countless sources becomes a bounded number of events, without losing count', async () => {
    const { flood, records, counted } = openFlood(0);
    for (let source = 0; source < 1000; source += 1) await flood.count(String(source));
    await flood.flush();
    expect(records.length).toBeLessThanOrEqual(2 * 257);
    expect(counted()).toBe(1000);
  });

  test('is recorded in full where the limit is off', async () => {
    const { flood } = openFlood('off');
    for (let count = 0; count < 5000; count += 1) expect(await flood.count('a')).toBeUndefined();
  });
});
