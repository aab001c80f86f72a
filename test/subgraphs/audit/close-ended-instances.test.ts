import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { setTimeout as wait } from 'node:timers/promises';
import { type Clock, createSystemClock } from '@aduana/core/platform/clock';
import { uuidv7 } from '@aduana/core/platform/ids';
import type { Database } from '@aduana/server-kit/store/database';
import { postedBody, postedEvent } from '../../support/audit-events.ts';
import { openTestLog, type TestLog } from '../../support/open-test-log.ts';
import { describeStores } from '../../support/stores.ts';

interface Told {
  readonly type: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

describeStores('a boot that ended', (openStore) => {
  const death = { isNear: false };
  const time = { skipped: 0 };
  const system = createSystemClock();
  const clock: Clock = { ...system, monotonic: () => system.monotonic() + time.skipped };
  let audit: TestLog;
  beforeAll(async () => {
    audit = await openTestLog(
      async (schema, migrations) => {
        const store = await openStore(schema, migrations);
        return { ...store, reader: dyingAmongBoots(store.reader, death) };
      },
      {},
      clock,
    );
  });
  afterAll(() => audit.remove());

  const of = (bootId: string, n: number) => ({ source: { instance: 'gateway@1', boot_id: bootId, n } });

  async function told(count: number): Promise<readonly Told[]> {
    for (let attempt = 0; attempt < 4000; attempt += 1) {
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

  test('is closed at the next start of the log, where that died before it was done', async () => {
    const outcome = uuidv7(5);
    death.isNear = true;
    await audit.log.ingest.accept(
      'gateway',
      postedBody(
        postedEvent({ ...of('fourth', 1), type: 'request.intent', detail: { audit_id: outcome } }),
        postedEvent({ ...of('fifth', 0), type: 'source.start' }),
      ),
    );
    await audit.stop();
    death.isNear = false;
    await audit.restart();
    expect((await told(5)).slice(3)).toMatchObject([
      { type: 'request.unknown', detail: { audit_id: outcome } },
      { type: 'source.lost', detail: { boot_id: 'fourth', open_intents: 1 } },
    ]);
  });

  test('leaves no intent open where it stopped in good order', async () => {
    const [outcome, answered] = [uuidv7(6), uuidv7(7)];
    await audit.log.ingest.accept(
      'gateway',
      postedBody(
        postedEvent({ ...of('fifth', 1), type: 'request.intent', detail: { audit_id: outcome } }),
        postedEvent({ ...of('fifth', 2), type: 'request.intent', detail: { audit_id: answered } }),
        postedEvent({ ...of('fifth', 3), id: answered }),
        postedEvent({ ...of('fifth', 4), type: 'source.stop' }),
      ),
    );
    expect((await told(6)).slice(5)).toMatchObject([
      { type: 'request.unknown', detail: { peer: 'gateway', audit_id: outcome } },
    ]);
  });

  test('and stopped in good order is closed by the next start of the log, where that died before it was done', async () => {
    const outcome = uuidv7(8);
    death.isNear = true;
    await audit.log.ingest.accept(
      'gateway',
      postedBody(
        postedEvent({ ...of('sixth', 0), type: 'source.start' }),
        postedEvent({ ...of('sixth', 1), type: 'request.intent', detail: { audit_id: outcome } }),
        postedEvent({ ...of('sixth', 2), type: 'source.stop' }),
      ),
    );
    await audit.stop();
    death.isNear = false;
    await audit.restart();
    expect((await told(7)).slice(6)).toMatchObject([
      { type: 'request.unknown', detail: { audit_id: outcome } },
    ]);
    await audit.restart();
    await audit.log.ingest.settle();
    expect(await told(7)).toHaveLength(7);
  });

  test('is tried again, not at once, where it could not be closed', async () => {
    const second = (bootId: string) => ({ source: { instance: 'gateway@2', boot_id: bootId, n: 0 } });
    const accept = (members: object) =>
      audit.log.ingest.accept('gateway', postedBody(postedEvent({ ...members })));
    await accept({ ...second('one'), type: 'source.start' });
    await audit.log.ingest.settle(); // what that start began does not see the second
    death.isNear = true;
    await accept({ ...second('two'), type: 'source.start' });
    await audit.log.ingest.settle(); // tried, in vain
    await accept({});
    death.isNear = false;
    await accept({});
    await audit.log.advance();
    expect(await told(7)).toHaveLength(7);
    time.skipped += 10_000;
    await accept({});
    expect((await told(8)).at(-1)).toMatchObject({ type: 'source.lost', detail: { boot_id: 'one' } });
  });
});

/** Finds no boots while death is near. */
function dyingAmongBoots(reader: Database, death: { readonly isNear: boolean }): Database {
  return new Proxy(reader, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      if (name !== 'query') return member.bind(target) as unknown;
      return (sql: string, parameters: readonly unknown[]) =>
        death.isNear && sql.includes('boots')
          ? Promise.reject(new Error('killed'))
          : target.query(sql, parameters);
    },
  });
}
