import { describe, expect, test } from '@jest/globals';
import { createAnonymousFlood } from '@aduana/core/audit/anonymous-flood';
import type { AuditRecord } from '@aduana/core/audit/audit-event';
import { createFakeClock } from '../../support/fake-clock.ts';

function openFlood(limitPerMinute: number | 'off') {
  const clock = createFakeClock('2026-01-01T00:00:10Z');
  const records: AuditRecord[] = [];
  const record = (one: AuditRecord) => Promise.resolve(records.push(one));
  const flood = createAnonymousFlood({ limitPerMinute, clock, record, onError: () => undefined });
  return { clock, records, flood };
}

describe('a flood of anonymous refusals', () => {
  test('is recorded one by one up to the limit of the minute', () => {
    const { flood } = openFlood(2);
    expect([flood.count('a'), flood.count('b')]).toEqual([undefined, undefined]);
    expect(flood.count('a')).toMatchObject({ retryAfterSeconds: 50 });
  });

  test('is counted by source beyond it, under the id that the answers bear', async () => {
    const { flood, clock, records } = openFlood(0);
    const first = flood.count('a');
    expect(flood.count('a')?.eventId).toBe(first?.eventId);
    flood.count('b');
    await clock.advance(50_000);
    expect(records.map(({ id, type, detail }) => ({ id, type, ...detail }))).toEqual([
      {
        id: first?.eventId,
        type: 'request.flood',
        source_address: 'a',
        minute: '2026-01-01T00:00:00.000Z',
        count: 2,
      },
      expect.objectContaining({ source_address: 'b', count: 1 }),
    ]);
    await flood.flush();
    expect(records).toHaveLength(2);
  });

  test('begins anew with each minute', async () => {
    const { flood, clock } = openFlood(1);
    flood.count('a');
    expect(flood.count('a')).toBeDefined();
    await clock.advance(60_000);
    expect(flood.count('a')).toBeUndefined();
  });

  test('from countless sources becomes a bounded number of events, without losing count', async () => {
    const { flood, records } = openFlood(0);
    for (let source = 0; source < 1000; source += 1) flood.count(String(source));
    await flood.flush();
    expect(records.length).toBeLessThanOrEqual(257);
    expect(records.reduce((sum, { detail }) => sum + Number(detail?.['count']), 0)).toBe(1000);
  });

  test('is recorded in full where the limit is off', () => {
    const { flood } = openFlood('off');
    for (let count = 0; count < 5000; count += 1) expect(flood.count('a')).toBeUndefined();
  });
});
