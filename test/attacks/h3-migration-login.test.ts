import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Command } from 'commander';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import type { Database } from '@aduana/server-kit/store/database';
import { openPgDatabase } from '@aduana/server-kit/store/pg-database';
import { registerMigrate } from '../../cli/migrate.ts';
import { openServerStore } from '../../cli/server-store.ts';
import { unlessAsked } from '../../cli/shutdown.ts';
import { MIGRATIONS as ADMIN } from '../../subgraphs/admin/migrations.ts';
import { MIGRATIONS } from '../../subgraphs/sts/migrations.ts';
import { describePostgresServer, dropDeploymentDatabase } from '../support/stores.ts';

const clock = createSystemClock();
const name = `aduana_test_${randomBytes(6).toString('hex')}`;
const [MIGRATOR, STS, ADMIN_LOGIN] = [`${name}_migrator`, `${name}_sts`, `${name}_console`];

describePostgresServer('a login that may not migrate', (serverUrl) => {
  const lines: string[] = [];
  const log = createLog('warn', (line) => lines.push(line));
  let superuser: Database;
  const urlOf = (user: string): string =>
    Object.assign(new URL(serverUrl), { pathname: `/${name}`, username: user, password: '' }).href;
  const as = (user: string, schema = 'sts'): Database =>
    openPgDatabase({ url: urlOf(user), schema, log, maxConnections: 1 });

  beforeAll(async () => {
    superuser = openPgDatabase({
      url: serverUrl,
      schema: 'public',
      log,
      statementTimeoutMilliseconds: 60_000,
    });
    await superuser.query(`CREATE DATABASE ${name}`);
    for (const login of [MIGRATOR, STS, ADMIN_LOGIN]) await superuser.query(`CREATE ROLE "${login}" LOGIN`);
    await superuser.query(`ALTER ROLE "${MIGRATOR}" CREATEROLE`);
    await superuser.query(`GRANT CREATE ON DATABASE ${name} TO "${MIGRATOR}"`);
  }, 60_000);
  afterAll(async () => {
    await dropDeploymentDatabase(superuser, name);
    for (const login of [STS, ADMIN_LOGIN, MIGRATOR]) await superuser.query(`DROP ROLE "${login}"`);
    await superuser.close();
  }, 60_000);

  async function migrate(environment: Readonly<Record<string, string>>): Promise<readonly string[]> {
    const printed: string[] = [];
    const print = (line: string) => void printed.push(line);
    const program = new Command().exitOverride();
    registerMigrate(program, { environment, clock, log, print, printError: print });
    await program.parseAsync(['migrate'], { from: 'user' });
    return printed;
  }
  const open = (user: string, signal?: AbortSignal) =>
    openServerStore(
      { DATABASE_URL: urlOf(user) },
      { schema: 'sts', migrations: MIGRATIONS, signal, clock, log },
    );

  test('the job says what is missing, and does nothing with a login that may not migrate', async () => {
    await expect(migrate({})).rejects.toMatchObject({ problems: [{ problem: 'is not set' }] });
    await expect(migrate({ MIGRATION_DATABASE_URL: urlOf(STS) })).rejects.toMatchObject({
      problems: [
        { subject: 'MIGRATION_DATABASE_URL', problem: expect.stringContaining('refused') as unknown },
      ],
    });
  });

  test('a service waits with its own login, says what to run, and works once the job has run', async () => {
    let opened = false;
    const opening = open(STS).then((store) => ((opened = true), store));
    while (!lines.some((line) => line.includes('aduana migrate'))) await clock.sleep(20);
    expect(opened).toBe(false);
    const logins = `admin:${ADMIN_LOGIN}`;
    const printed = await migrate({ MIGRATION_DATABASE_URL: urlOf(MIGRATOR), MIGRATION_LOGINS: logins });
    expect(printed.map((line) => line.split(' ')[0])).toEqual(['sts', 'audit', 'admin']);
    const { writer, reader } = await opening;
    await writer.query('SELECT * FROM signing_keys');
    await reader.query('SELECT * FROM signing_keys');
    // The log warns of logins with more rights than needed; this one has none.
    expect(lines.filter((line) => line.includes('more rights'))).toEqual([]);
    await Promise.all([writer.close(), reader.close()]);
    expect((await migrate({ MIGRATION_DATABASE_URL: urlOf(MIGRATOR) })).join()).toContain('is up to date');
  }, 60_000);

  test.each([
    ['change a schema', 'ALTER TABLE client_secrets ADD COLUMN mine text', 'sts'],
    ['become the owner', `SET ROLE "${name}_sts_owner"`, 'sts'],
    ['make a role', 'CREATE ROLE mine', 'sts'],
    ["read another service's tables", 'SELECT * FROM admin.service_states', 'sts'],
    ["write another service's tables", 'DELETE FROM audit.entries', 'sts'],
  ])("a service's login cannot %s", async (_what, sql, schema) => {
    const database = as(STS, schema);
    await expect(database.query(sql)).rejects.toMatchObject({ sqlState: '42501' });
    await database.close();
  });

  test('a service that is given the login of migrations does not use it, and waits', async () => {
    const settings = { DATABASE_URL: urlOf(ADMIN_LOGIN), MIGRATION_DATABASE_URL: urlOf(MIGRATOR) };
    const newer = [...ADMIN, { name: '9999-not-applied', sql: () => 'SELECT 1;' }];
    const end = new AbortController();
    lines.length = 0;
    const opening = openServerStore(settings, {
      schema: 'admin', migrations: newer, signal: end.signal, clock, log,
    }); // prettier-ignore
    const refusal = expect(opening).rejects.toMatchObject({ name: 'AbortError' });
    while (!lines.some((line) => line.includes('9999-not-applied'))) await clock.sleep(20);
    expect(lines.join()).toContain('holds the login of migrations');
    end.abort();
    await refusal;
  }, 60_000);

  test('a process that is asked to end while it waits ends at once, and well', async () => {
    let ask: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => (ask = resolve));
    lines.length = 0;
    const ending = unlessAsked(asked, (signal) => open(ADMIN_LOGIN, signal));
    while (!lines.some((line) => line.includes('aduana migrate'))) await clock.sleep(20);
    ask();
    expect(await ending).toBeUndefined();
  }, 60_000);

  test('with DATABASE_URL alone, of a login that may migrate, a service migrates itself as before', async () => {
    const { writer, reader } = await open(new URL(serverUrl).username || 'postgres');
    await writer.query('SELECT * FROM signing_keys');
    await Promise.all([writer.close(), reader.close()]);
  }, 60_000);
});
