import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { checkReplication } from '../../../../cli/doctor-replication.ts';
import type { Database } from '@aduana/server-kit/store/database';
import { openPgDatabase } from '@aduana/server-kit/store/pg-database';
import {
  createPostgresCluster,
  describePostgresCluster,
  type PostgresCluster,
} from '../../../support/postgres-cluster.ts';
import { openFaultyLink } from '../../../support/faulty-link.ts';
import { until } from '../../../support/until.ts';

const log = createLog('silent', () => undefined);

describePostgresCluster('a database of two hosts', () => {
  let primary: PostgresCluster;
  let standby: PostgresCluster;
  const opened: Database[] = [];

  beforeAll(async () => {
    primary = await createPostgresCluster();
    await primary.start();
    const database = open(primary.url);
    await database.query('CREATE TABLE written (n int)');
    standby = await primary.createStandby();
    await standby.start();
  }, 60_000);

  afterAll(async () => {
    await Promise.all(opened.map((database) => database.close()));
    await standby.remove();
    await primary.remove();
  });

  function open(url: string): Database {
    const database = openPgDatabase({ url, schema: 'public', log });
    opened.push(database);
    return database;
  }
  const hostOf = (cluster: PostgresCluster): string => new URL(cluster.url).host;
  const both = (...clusters: readonly PostgresCluster[]): string =>
    `postgres://postgres@${clusters.map(hostOf).join(',')}/postgres`;
  const write = async (database: Database): Promise<boolean> =>
    (await database.query('INSERT INTO written VALUES (1)')).affected === 1;

  test('the standby that stands first in the URL is passed over', async () => {
    for (const asked of ['', '?target_session_attrs=primary'])
      expect(await write(open(both(standby, primary) + asked))).toBe(true);
  });

  test('a connection that is cut fails the statement under way, and nothing else', async () => {
    const link = await openFaultyLink(Number(new URL(primary.url).port), true);
    const database = open(Object.assign(new URL(primary.url), { port: String(link.port) }).href);
    const underWay = async (): Promise<boolean> =>
      (await open(primary.url).query(`SELECT FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'`))
        .affected > 0;
    try {
      for (const isReset of [true, false]) {
        const failed = expect(database.query('SELECT pg_sleep(100)')).rejects.toMatchObject({
          code: 'STORE_UNAVAILABLE',
        });
        await until(underWay);
        if (isReset) link.reset();
        else await link.down();
        await failed;
        await open(primary.url).query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'`,
        );
      }
      await link.up();
      expect((await database.query('SELECT 1')).affected).toBe(1);
    } finally {
      await link.down();
    }
  });

  test('a server alone that takes no writes is refused where the URL asks for one that does', async () => {
    const database = open(`${standby.url}?target_session_attrs=read-write`);
    await expect(database.query('SELECT 1')).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      detail: expect.stringContaining('is not read-write') as unknown,
    });
  });

  test('a host that does not answer is asked last the next time, so that nobody waits for it twice', async () => {
    const link = await openFaultyLink(Number(new URL(primary.url).port), true);
    link.isSilent = true;
    const database = open(
      `postgres://postgres@127.0.0.1:${String(link.port)},${hostOf(standby)}/postgres?connect_timeout=1`,
    );
    const refusal = async (): Promise<unknown> => write(database).catch((error: unknown) => error);
    const [mute, unfit] = [`${String(link.port)}: .*timeout`, `${hostOf(standby)}: is not read-write`];
    try {
      expect(await refusal()).toMatchObject({
        detail: expect.stringMatching(`${mute}.*; ${unfit}`) as unknown,
      });
      expect(await refusal()).toMatchObject({
        detail: expect.stringMatching(`${unfit}; .*${mute}`) as unknown,
      });
    } finally {
      await link.down();
    }
  });

  test('a login that the server refuses is reported as it answered, and asked of no other', async () => {
    const database = open(both(primary, standby).replace(/postgres$/, 'nowhere'));
    await expect(database.query('SELECT 1')).rejects.toMatchObject({ sqlState: '3D000' });
  });

  test('the doctor warns while no standby is waited for', async () => {
    const database = open(both(standby, primary));
    const findings = async () => checkReplication(database, 2);
    expect(await findings()).toMatchObject([{ subject: 'synchronous_standby_names', finding: '1 standbys follow, and none is waited for' }]); // prettier-ignore
    await database.query("ALTER SYSTEM SET synchronous_standby_names TO '*'");
    await database.query('SELECT pg_reload_conf()');
    await until(async () => (await findings())[0]?.finding === 'is *: a commit waits for a standby');
    await database.query('ALTER SYSTEM RESET synchronous_standby_names');
    await database.query('SELECT pg_reload_conf()');
  });

  test('a server that does not answer any more keeps no socket of a closed database, and with it the process', async () => {
    const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
    const before = sockets();
    const database = openPgDatabase({ url: standby.url, schema: 'public', log });
    await database.query('SELECT 1');
    expect(sockets()).toBe(before + 1);
    standby.hold();
    try {
      await database.close();
      await until(() => sockets() <= before);
    } finally {
      standby.release();
    }
  });

  test('after the primary was killed and the standby promoted, the same pool goes on writing', async () => {
    const database = open(both(primary, standby));
    expect(await write(database)).toBe(true);
    await primary.kill();
    const refusals: unknown[] = [];
    await until(async () => {
      const refusal: unknown = await write(database).catch((error: unknown) => error);
      refusals.push(refusal);
      // The first may still have met the dead connection.
      return /.+: .+; .+: is not read-write/.test((refusal as { detail: string }).detail);
    });
    for (const refusal of refusals) expect(refusal).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    standby.promote();
    await until(() => write(database).catch(() => false));
    const { rows } = await database.transaction((transaction) =>
      transaction.query<{ port: number }>('SELECT inet_server_port() AS port'),
    );
    expect(rows[0]?.port).toBe(Number(new URL(standby.url).port));
  }, 30_000);
});
