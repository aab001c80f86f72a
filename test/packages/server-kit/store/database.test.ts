import { beforeAll, expect, test } from '@jest/globals';
import { ConstraintError, StatementError } from '@aduana/server-kit/store/database-error';
import { migrate, rolesOf } from '@aduana/server-kit/store/migrate';
import { describeStores, type TestStore } from '../../../support/stores.ts';

const TABLES = {
  name: '001-things',
  sql: ({ writer, reader }: { writer: string; reader: string }) => `
    CREATE TABLE things (id bigint PRIMARY KEY, bytes bytea, names text[], at timestamptz);
    CREATE FUNCTION twice(n bigint) RETURNS bigint LANGUAGE sql AS $$ SELECT n * 2 $$;
    GRANT SELECT, INSERT, UPDATE ON things TO "${writer}";
    GRANT SELECT ON things TO "${reader}";`,
};

describeStores('a database', (openStore) => {
  let store: TestStore;
  beforeAll(async () => {
    store = await openStore('trial', [TABLES]);
  });

  test('gives the same JavaScript values whatever the driver', async () => {
    await store.writer.query('INSERT INTO things VALUES ($1, $2, $3, $4)', [
      9_007_199_254_740_991,
      Buffer.from([0, 255]),
      ['a"b', 'ñ\\'],
      '2026-01-02T03:04:05.678Z',
    ]);
    const { rows } = await store.reader.query(
      'SELECT id, bytes, names, at, twice(4) AS eight FROM things WHERE id = $1',
      [9_007_199_254_740_991],
    );
    expect(rows).toEqual([
      {
        id: 9_007_199_254_740_991,
        bytes: Buffer.from([0, 255]),
        names: ['a"b', 'ñ\\'],
        at: new Date('2026-01-02T03:04:05.678Z'),
        eight: 8,
      },
    ]);
  });

  test('counts the rows that a statement touched', async () => {
    const { affected } = await store.writer.query('INSERT INTO things (id) SELECT generate_series(10, 14)');
    expect(affected).toBe(5);
  });

  test('keeps nothing of a transaction that throws', async () => {
    await expect(
      store.writer.transaction(async (transaction) => {
        await transaction.query('INSERT INTO things (id) VALUES (20)');
        throw new RangeError('no');
      }),
    ).rejects.toThrow(RangeError);
    expect((await store.reader.query('SELECT 1 FROM things WHERE id = 20')).rows).toEqual([]);
  });

  test('works on after a statement inside a transaction failed', async () => {
    await expect(
      store.writer.transaction((transaction) => transaction.query('SELECT nothing_like_this')),
    ).rejects.toThrow(StatementError);
    expect((await store.writer.query<{ one: number }>('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  test('says that it cannot be used now while it is read-only, and works on afterwards', async () => {
    const readOnly = store.writer.transaction(async (transaction) => {
      await transaction.query('SET TRANSACTION READ ONLY');
      await transaction.query('INSERT INTO things (id) VALUES (50)');
    });
    await expect(readOnly).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', status: 503 });

    await expect(store.writer.query('INSERT INTO things (id) VALUES (51)')).resolves.toMatchObject({
      affected: 1,
    });
  });

  test('refuses the reader what only the writer may do', async () => {
    await expect(store.reader.query('INSERT INTO things (id) VALUES (30)')).rejects.toMatchObject({
      sqlState: '42501',
    });
  });

  test('tells a broken constraint apart, without the values', async () => {
    await store.writer.query('INSERT INTO things (id) VALUES (40)');
    const refused = await store.writer
      .query('INSERT INTO things (id) VALUES (40)')
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ConstraintError);
    expect(refused).toMatchObject({ constraint: 'things_pkey' });
    expect(JSON.stringify(refused)).not.toContain('40');
  });

  test('lets one holder at a time into a lock', async () => {
    const trace: string[] = [];
    const visit = (name: string) =>
      store.writer.exclusively('lock', async (transaction) => {
        trace.push(`${name} in`);
        await transaction.query('SELECT pg_sleep(0.02)');
        trace.push(`${name} out`);
      });
    await Promise.all([visit('first'), visit('second')]);
    expect([trace[0]?.slice(0, -3), trace[2]?.slice(0, -3)]).toEqual([
      trace[1]?.slice(0, -4),
      trace[3]?.slice(0, -4),
    ]);
  });

  test('gives up at once a lock that another holds, and has the others', async () => {
    const attempt = (lock: string) => store.writer.tryExclusively(lock, () => Promise.resolve('mine'));
    await expect(attempt('first')).resolves.toBe('mine');
    if (store.url === undefined) return; // an embedded database has one session, which nobody shares
    await store.writer.exclusively('first', async () => {
      await expect(attempt('first')).resolves.toBeUndefined();
      await expect(attempt('second')).resolves.toBe('mine');
    });
    await expect(attempt('first')).resolves.toBe('mine');
  });

  test('applies a migration once and refuses one that was edited', async () => {
    const schema = 'trial';
    const { rows } = await store.superuser.query<{ owner: string }>(
      `SELECT tableowner AS owner FROM pg_tables WHERE schemaname = 'trial' AND tablename = 'things'`,
    );
    const owner = rows[0]?.owner ?? '';
    const roles = rolesOf(owner.replace(/_trial_owner$/, ''), schema);
    expect(roles.owner).toBe(owner);
    await migrate(store.superuser, { schema, roles, migrations: [TABLES] });
    const edited = { ...TABLES, sql: () => 'CREATE TABLE other (id int)' };
    await expect(migrate(store.superuser, { schema, roles, migrations: [edited] })).rejects.toThrow('edited');
  });
});
