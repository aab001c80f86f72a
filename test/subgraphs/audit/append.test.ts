import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { findEvents } from '../../../subgraphs/audit/reading/stored-event.ts';
import { PARTITION_ENTRIES } from '../../../subgraphs/audit/log/schema.ts';
import { readLeaves } from '../../../subgraphs/audit/checkpoints/read-leaves.ts';
import { postedBody, postedEvent } from '../../support/audit-events.ts';
import { openTestLog, type TestLog } from '../../support/open-test-log.ts';
import { describeStores } from '../../support/stores.ts';

describeStores('what is appended to the log', (openStore) => {
  let audit: TestLog;
  beforeEach(async () => {
    audit = await openTestLog(openStore);
  });
  afterEach(() => audit.remove());

  const post = (...events: ReturnType<typeof postedEvent>[]) =>
    audit.log.ingest.accept('gateway', postedBody(...events));
  const indexes = async (): Promise<readonly string[]> => {
    const { rows } = await audit.store.superuser.query<{ name: string }>(
      `SELECT indexname AS name FROM pg_indexes WHERE tablename = 'entries_00000000' AND indexname LIKE '%\\_by\\_%' ORDER BY 1`,
    );
    return rows.map(({ name }) => name);
  };
  const settleAll = async (): Promise<void> => {
    const settle = 'SELECT settle_partition() AS settled';
    while ((await audit.store.writer.query<{ settled: boolean }>(settle)).rows[0]?.settled === true);
  };
  /** As though the first partition were full: numbers up to its end are taken. */
  const fillPartition = () =>
    audit.store.superuser.query('UPDATE head SET size = $1', [PARTITION_ENTRIES - 1]);

  test('is numbered without a gap when some of it is known, wherever that is', async () => {
    const [a, b, c, d] = [postedEvent(), postedEvent(), postedEvent(), postedEvent()];
    await post(b);
    await Promise.all([post(a, b), post(c), post(b, d, c)]);
    const stored = await findEvents(audit.log.reader, { type: 'request' }, -1, 10);
    expect(stored.map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
    expect(stored.map(({ id }) => id).sort()).toEqual([a, b, c, d].map((event) => event['id']).sort());
    await audit.log.advance();
    await audit.log.verify();
    expect(audit.log.contradiction()).toBeUndefined();
  });

  test('leaves nothing behind where a statement fails half-way', async () => {
    const size = async () =>
      (await audit.store.superuser.query<{ size: number }>('SELECT size FROM head')).rows[0]?.size;
    const before = await size();
    const columns = JSON.stringify([{ id: '00000000-0000-7000-8000-000000000000', peer: 'gateway' }]);
    await expect(
      audit.store.writer.query('SELECT append_new($1, $2, $3)', ['{}', Buffer.alloc(64), columns]),
    ).rejects.toThrow('integrity constraint');
    expect(await size()).toBe(before);
  });

  test('is indexed once its partition is full, and not before', async () => {
    await post(postedEvent());
    await settleAll();
    expect(await indexes()).toEqual([]);
    await fillPartition();
    await post(postedEvent());
    await settleAll();
    expect(await indexes()).toEqual(
      ['actor', 'operation', 'trace', 'type'].map((column) => `entries_00000000_by_${column}`),
    );
    expect(await findEvents(audit.log.reader, { type: 'request' }, -1, 10)).toHaveLength(2);
  });

  test('is found missing at the first gap', async () => {
    await post(postedEvent(), postedEvent());
    await audit.store.superuser.query('UPDATE head SET size = size + 1');
    await post(postedEvent(), postedEvent());
    expect(await readLeaves(audit.log.reader, 0, 6)).toHaveLength(3);
    expect(await readLeaves(audit.log.reader, 4, 6)).toHaveLength(2);
    expect(await readLeaves(audit.log.reader, 3, 6)).toHaveLength(0);
  });
});
