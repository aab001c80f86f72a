import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { OpenLog } from '../../../../subgraphs/audit/open-log.ts';
import { readEventPage, readLastPage } from '../../../../subgraphs/audit/reading/event-page.ts';
import { type EventFilter, findEvents } from '../../../../subgraphs/audit/reading/stored-event.ts';
import { postedBody, postedEvent } from '../../../support/audit-events.ts';
import { openTestLog, type TestLog } from '../../../support/open-test-log.ts';
import { describeStores } from '../../../support/stores.ts';

describeStores('what is read of the audit log', (openStore) => {
  let audit: TestLog;
  let log: OpenLog;
  beforeEach(async () => {
    audit = await openTestLog(openStore);
    log = audit.log;
  });
  afterEach(() => audit.remove());

  test('finds events by what they say, page by page', async () => {
    await log.ingest.accept(
      'gateway',
      postedBody(
        postedEvent({ outcome: 'DENIED', actor: { sub: 'ada' } }),
        postedEvent({ trace: { trace_id: 'f'.repeat(32), span_id: '0'.repeat(16) } }),
        postedEvent({ actor: { sub: 'ada' }, request: { operation_name: 'Other' } }),
      ),
    );
    const seqs = async (filter: Parameters<typeof findEvents>[1], after = -1, limit = 10) =>
      (await findEvents(log.reader, filter, after, limit)).map(({ seq }) => seq);
    expect(await seqs({ actor: 'ada' })).toEqual([1, 3]);
    expect(await seqs({ actor: 'ada' }, 1)).toEqual([3]);
    expect(await seqs({ outcome: 'DENIED' })).toEqual([1]);
    expect(await seqs({ traceId: 'f'.repeat(32) })).toEqual([2]);
    expect(await seqs({ operation: 'Other' })).toEqual([3]);
    expect(await seqs({ type: 'source.start' })).toEqual([0]);
    expect(await seqs({ since: '2026-01-01T00:00:00Z', until: '2026-01-02T00:00:00Z' })).toEqual([1, 2, 3]);
  });

  test('finds what is rare stretch by stretch, and over several pages', async () => {
    const many = Array.from({ length: 40 }, (_, at) =>
      postedEvent({ outcome: at === 5 || at === 30 || at === 33 ? 'FAILED' : 'ALLOWED' }),
    );
    await log.ingest.accept('gateway', postedBody(...many));
    const read = async (after: number, events: number, filter: EventFilter = { outcome: 'FAILED' }) => {
      const page = await readEventPage(log.reader, filter, after, { events, stretch: 8, stretches: 3 });
      return [page.events.map(({ seq }) => seq), page.lookedThrough];
    };
    expect(await read(-1, 10)).toEqual([[6], 23]);
    expect(await read(23, 10)).toEqual([[31, 34], undefined]);
    expect(await read(23, 1)).toEqual([[31], 31]);
    expect(await read(31, 1)).toEqual([[34], undefined]);
    expect(await read(-1, 10, { outcome: 'DENIED' })).toEqual([[], 23]);
    expect(await read(-1, 2, {})).toEqual([[0, 1], 1]);
    expect(await read(-1, 0, {})).toEqual([[], -1]);
    expect(await read(40, 5, {})).toEqual([[], undefined]);
    expect(await read(10 ** 15 - 1, 5, {})).toEqual([[], undefined]);

    const readBack = async (
      beforeSeq: number | undefined,
      events: number,
      filter: EventFilter = { outcome: 'FAILED' },
    ) => {
      const bounds = { beforeSeq, minimum: 0 };
      const page = await readLastPage(log.reader, filter, bounds, { events, stretch: 8, stretches: 3 });
      return [page.events.map(({ seq }) => seq), page.lookedThrough];
    };
    expect(await readBack(undefined, 10)).toEqual([[31, 34], 24]);
    expect(await readBack(24, 10)).toEqual([[6], undefined]);
    expect(await readBack(undefined, 1)).toEqual([[34], 34]);
    expect(await readBack(34, 1)).toEqual([[31], 16]);
    expect(await readBack(undefined, 2, {})).toEqual([[39, 40], 39]);
    expect(await readBack(0, 2, {})).toEqual([[], undefined]);
  });

  test('a page whose time is over ends with what it has, after one stretch at least', async () => {
    const many = Array.from({ length: 40 }, (_, at) => postedEvent({ outcome: at === 30 ? 'FAILED' : 'ALLOWED' }));
    await log.ingest.accept('gateway', postedBody(...many));
    const size = { events: 10, stretch: 8, isOver: () => true };
    const filter = { outcome: 'FAILED' };
    const bounds = { beforeSeq: undefined, minimum: 0 };
    expect(await readEventPage(log.reader, filter, -1, size)).toEqual({ events: [], lookedThrough: 7, end: 7 });
    expect(await readLastPage(log.reader, filter, bounds, size)).toMatchObject({ events: [], lookedThrough: 40 });
    const next = await readLastPage(log.reader, filter, { ...bounds, beforeSeq: 32 }, size);
    expect([next.events.map(({ seq }) => seq), next.lookedThrough]).toEqual([[31], 24]);
  }); // prettier-ignore
});
