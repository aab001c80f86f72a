import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createLog } from '@aduana/server-kit/platform/create-log';
import type { Database } from '@aduana/server-kit/store/database';
import { migrate, rolesOf } from '@aduana/server-kit/store/migrate';
import { openPgDatabase } from '@aduana/server-kit/store/pg-database';
import { describePostgres, describePostgresServer, storesOn, type TestStore } from '../support/stores.ts';

const THINGS = { name: '001-things', sql: () => 'CREATE TABLE things (id bigint PRIMARY KEY);' };
const [SCHEMA, LOCK] = ['guarded', 'checkpoint'];

describePostgresServer('a login of the database that is not of the service', (serverUrl) => {
  const stores = storesOn(serverUrl);
  const login = `aduana_test_${randomBytes(6).toString('hex')}_other`;
  let store: TestStore;
  let other: Database;

  beforeAll(async () => {
    store = await stores.open(SCHEMA, [THINGS]);
    await store.superuser.query(`CREATE ROLE "${login}" LOGIN NOINHERIT`);
    const url = Object.assign(new URL(store.url ?? ''), { username: login, password: '' }).href;
    other = openPgDatabase({ url, schema: 'public', log: createLog('silent', () => undefined) });
  });
  afterAll(async () => {
    await other.close();
    await store.superuser.query(`DROP ROLE "${login}"`);
    await stores.close();
  });

  const migrateNow = () =>
    migrate(store.superuser, {
      schema: SCHEMA,
      roles: rolesOf(new URL(store.url ?? '').pathname.slice(1), SCHEMA),
      migrations: [THINGS],
    });

  /** Every lock that needs no privilege, under the names that the sources tell. */
  const holding = (work: () => Promise<void>): Promise<void> =>
    other.transaction(async (transaction) => {
      for (const lock of [LOCK, 'migrate'])
        await transaction.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [
          `${SCHEMA}:${lock}`,
        ]);
      await work();
    });

  test('keeps no replica from its lock, waited for or not', async () => {
    await holding(async () => {
      await expect(store.writer.tryExclusively(LOCK, () => Promise.resolve('mine'))).resolves.toBe('mine');
      await expect(store.writer.exclusively(LOCK, () => Promise.resolve('mine'))).resolves.toBe('mine');
    });
  });

  test('keeps no schema from being migrated', async () => {
    await holding(async () => {
      await expect(migrateNow()).resolves.toEqual([]);
    });
  });

  test('may lock nothing of the schema', async () => {
    for (const statement of [
      `SELECT FROM "${SCHEMA}".locks FOR KEY SHARE`,
      `LOCK TABLE "${SCHEMA}".locks IN ACCESS SHARE MODE`,
      `LOCK TABLE "${SCHEMA}".migrations IN ACCESS SHARE MODE`,
    ])
      await expect(other.transaction(({ query }) => query(statement))).rejects.toMatchObject({
        sqlState: '42501',
      });
  });

  test('nor may the reader hold a lock of the writer, nor the writer that of migrations', async () => {
    await expect(store.reader.query('SELECT FROM locks FOR KEY SHARE')).rejects.toMatchObject({
      sqlState: '42501',
    });
    for (const { transaction } of [store.reader, store.writer])
      await expect(
        transaction(({ query }) => query('LOCK TABLE migrations IN ROW EXCLUSIVE MODE')),
      ).rejects.toMatchObject({ sqlState: '42501' });
  });
});

describePostgres('replicas', (openStore) => {
  test('that migrate a new schema at once all succeed, and apply each migration once', async () => {
    const store = await openStore('together', [THINGS]);
    await store.superuser.query('DROP SCHEMA "together" CASCADE');
    const roles = rolesOf(new URL(store.url ?? '').pathname.slice(1), 'together');
    const replicas = Array.from({ length: 4 }, () =>
      migrate(store.superuser, { schema: 'together', roles, migrations: [THINGS] }),
    );
    const applied = (await Promise.all(replicas)).flat();
    expect(applied).toEqual(['000-locks', '001-things']);
  });
});
