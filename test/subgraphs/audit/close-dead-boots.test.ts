import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { setTimeout as wait } from 'node:timers/promises';
import { uuidv7 } from '@aduana/core/platform/ids';
import { postedBody, postedEvent } from '../../support/audit-events.ts';
import { openTestLog, type TestLog } from '../../support/open-test-log.ts';
import { describeStores } from '../../support/stores.ts';

interface Told {
  readonly type: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

describeStores('a boot that ended without a word', (openStore) => {
  let audit: TestLog;
  beforeAll(async () => {
    audit = await openTestLog(openStore);
  });
  afterAll(() => audit.remove());

  const of = (bootId: string, n: number) => ({ source: { instance: 'gateway@1', boot_id: bootId, n } });

  async function told(count: number): Promise<readonly Told[]> {
    for (let attempt = 0; attempt < 200; attempt += 1) {
      const { rows } = await audit.store.reader.query<{ canonical: string }>(
        `SELECT canonical FROM entries WHERE type IN ('source.lost', 'request.unknown') ORDER BY seq`,
      );
      if (rows.length >= count) return rows.map(({ canonical }) => JSON.parse(canonical) as Told);
      await wait(25);
    }
    throw new Error('nothing is told of the lost boot');
  }

  test('is closed at the next start, with what it left open: mutations, and counts of floods', async () => {
    const [settled, unsettled, outcome, answered] = [uuidv7(1), uuidv7(2), uuidv7(3), uuidv7(4)];
    await audit.log.ingest.accept(
      'gateway',
      postedBody(
        postedEvent({ ...of('dead', 0), type: 'source.start' }),
        postedEvent({ ...of('dead', 1), id: settled, type: 'request.flood', detail: { count: 1 } }),
        postedEvent({ ...of('dead', 2), type: 'request.flood', detail: { count: 7, settles: settled } }),
        postedEvent({ ...of('dead', 3), id: unsettled, type: 'request.flood', detail: { count: 1 } }),
        postedEvent({ ...of('dead', 4), type: 'request.intent', detail: { audit_id: answered } }),
        postedEvent({ ...of('dead', 5), id: answered }),
        postedEvent({ ...of('dead', 6), type: 'request.intent', detail: { audit_id: outcome } }),
      ),
    );
    await audit.log.ingest.accept(
      'gateway',
      postedBody(postedEvent({ ...of('next', 0), type: 'source.start' })),
    );
    expect(await told(2)).toMatchObject([
      { type: 'request.unknown', detail: { audit_id: outcome } },
      { type: 'source.lost', detail: { boot_id: 'dead', last_n: 6, open_intents: 1, unsettled_floods: 1 } },
    ]);
  });

  test('is not told of twice, nor one that has stopped', async () => {
    await audit.log.ingest.accept(
      'gateway',
      postedBody(
        postedEvent({ ...of('next', 1), type: 'source.stop' }),
        postedEvent({ ...of('third', 0), type: 'source.start' }),
      ),
    );
    await audit.log.ingest.accept(
      'gateway',
      postedBody(postedEvent({ ...of('fourth', 0), type: 'source.start' })),
    );
    expect((await told(3)).map(({ detail }) => detail['boot_id'])).toEqual([undefined, 'dead', 'third']);
  });
});
