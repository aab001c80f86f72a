import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createLog } from '@aduana/server-kit/platform/create-log';
import type { Database } from '@aduana/server-kit/store/database';
import { openPgDatabase } from '@aduana/server-kit/store/pg-database';
import {
  createPostgresCluster,
  describePostgresCluster,
  type PostgresCluster,
} from '../support/postgres-cluster.ts';

const LOGINS = ['migrator', 'sts', 'audit', 'admin'];
const log = createLog('silent', () => undefined);

describePostgresCluster('a login that deploy/postgres/logins.sh makes', () => {
  let cluster: PostgresCluster;
  let superuser: Database;
  const as = (user: string, database = 'aduana'): Database =>
    openPgDatabase({
      url: Object.assign(new URL(cluster.url), { username: user, pathname: `/${database}` }).href,
      schema: 'public',
      maxConnections: 100,
      log,
    });

  beforeAll(async () => {
    cluster = await createPostgresCluster();
    await cluster.start();
    superuser = as('postgres', 'postgres');
    await superuser.query('CREATE DATABASE aduana');
    runScript(new URL(cluster.url).port);
  }, 60_000);
  afterAll(async () => {
    await superuser.close();
    await cluster.remove();
  });

  test('opens a bounded number of connections, and all together leave room for the superuser', async () => {
    const { rows } = await superuser.query<{ limits: readonly number[]; most: number }>(
      `SELECT array_agg(rolconnlimit) AS limits,
         (SELECT boot_val::int FROM pg_settings WHERE name = 'max_connections') -
         (SELECT boot_val::int FROM pg_settings WHERE name = 'superuser_reserved_connections') AS most
       FROM pg_roles WHERE rolcanlogin AND NOT rolsuper`,
    );
    const { limits = [], most = 0 } = rows[0] ?? {};
    expect(limits).toHaveLength(LOGINS.length);
    expect(Math.min(...limits)).toBeGreaterThan(0);
    expect(limits.reduce((sum, limit) => sum + limit)).toBeLessThan(most);
  });

  test('is refused one more connection than that, while another login works', async () => {
    const [sts, audit] = [as('aduana_sts'), as('aduana_audit')];
    const isRefused = (outcome: PromiseSettledResult<unknown>): boolean => outcome.status === 'rejected';
    const held = Array.from({ length: 37 }, () => sts.query('SELECT'));
    await expect(audit.query('SELECT')).resolves.toMatchObject({ affected: 1 });
    expect((await Promise.allSettled(held)).some(isRefused)).toBe(true);
    await Promise.all([sts.close(), audit.close()]);
  });

  test.each(LOGINS)('makes no temporary table, and enters no other database: %s', async (login) => {
    const own = as(`aduana_${login}`);
    await expect(own.query('CREATE TEMPORARY TABLE large (bytes text)')).rejects.toMatchObject({
      sqlState: '42501',
    });
    const other = as(`aduana_${login}`, 'postgres');
    await expect(other.query('SELECT')).rejects.toMatchObject({ sqlState: '42501' });
    await Promise.all([own.close(), other.close()]);
  });
});

function runScript(port: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'aduana-logins-'));
  for (const login of LOGINS) writeFileSync(join(folder, `${login}.password`), 'secret\n');
  const script = readFileSync('deploy/postgres/logins.sh', 'utf8').replaceAll('/run/secrets', folder);
  execFileSync('sh', ['-c', script], {
    env: {
      ...process.env,
      PGHOST: '127.0.0.1',
      PGPORT: port,
      POSTGRES_USER: 'postgres',
      POSTGRES_DB: 'aduana',
    },
  });
  rmSync(folder, { recursive: true });
}
