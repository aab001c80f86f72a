import { afterAll, describe } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import type { ServiceStore } from '@aduana/server-kit/http/service-platform';
import { createLog } from '@aduana/server-kit/platform/create-log';
import type { Database, Migration } from '@aduana/server-kit/store/database';
import { migrate, rolesOf } from '@aduana/server-kit/store/migrate';
import { openPgDatabase } from '@aduana/server-kit/store/pg-database';
import { type EmbeddedStore, openEmbeddedStore } from '@aduana/server-kit/store/pglite-database';
import { describeWith, isProbing } from './foreign-parts.ts';

const SILENT = createLog('silent', () => undefined);
const STANDARD_URL = 'postgres://postgres@127.0.0.1:5432/postgres';

export interface TestStore extends ServiceStore {
  /** Who may do everything, and whom the log must catch. */
  readonly superuser: Database;
  /** Only of a real server. */
  readonly url?: string;
}

/** A fresh, migrated store of one service's schema; given back when the suite ends. */
export type OpenStore = (schema: string, migrations: readonly Migration[]) => Promise<TestStore>;

interface StoreKind {
  readonly open: OpenStore;
  close(): Promise<void>;
}

const postgresUrl = await findPostgres();

/** Where PostgreSQL answers: `DATABASE_URL`, else the standard loopback port without a password. */
async function findPostgres(): Promise<string | undefined> {
  const url = process.env['DATABASE_URL'] ?? (isProbing ? STANDARD_URL : undefined);
  if (url === undefined) return undefined;
  const database = openPgDatabase({ url, schema: 'public', log: SILENT, maxConnections: 1 });
  try {
    await database.query('SELECT 1');
    return url;
  } catch (error) {
    if (process.env['DATABASE_URL'] !== undefined) throw error;
    return undefined;
  } finally {
    await database.close();
  }
}

/** Runs a suite over PGlite and, where it answers, over PostgreSQL; the names of the suites tell which. */
export function describeStores(name: string, suite: (openStore: OpenStore) => void): void {
  describePglite(name, suite);
  describePostgres(name, suite);
}

/** Runs a suite over one store: PostgreSQL where it answers, else PGlite. */
export function describeOneStore(name: string, suite: (openStore: OpenStore) => void): void {
  if (postgresUrl !== undefined) describePostgres(name, suite);
  else describePglite(name, suite);
}

function describePglite(name: string, suite: (openStore: OpenStore) => void): void {
  describe(`${name} over PGlite`, () => {
    const kind = embedded();
    afterAll(() => kind.close());
    suite(kind.open);
  });
}

/** A suite that only a real server can run. */
export function describePostgres(name: string, suite: (openStore: OpenStore) => void): void {
  describePostgresServer(name, (url) => {
    const kind = storesOn(url);
    afterAll(() => kind.close());
    suite(kind.open);
  });
}

/** As `describePostgres`, for a suite that makes its own databases on the server. */
export function describePostgresServer(name: string, suite: (serverUrl: string) => void): void {
  describeWith('PostgreSQL', postgresUrl !== undefined, `${name} over PostgreSQL`, () => {
    suite(postgresUrl ?? '');
  });
}

function embedded(): StoreKind {
  let store: Promise<EmbeddedStore> | undefined;
  return {
    async open(schema, migrations) {
      store ??= openEmbeddedStore(undefined);
      const opened = await store;
      const superuser = opened.database('public');
      await superuser.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
      const roles = rolesOf('postgres', schema);
      const migrator = opened.database(schema);
      await migrate(migrator, { schema, roles, migrations });
      return {
        superuser: migrator,
        writer: opened.database(schema, roles.writer),
        reader: opened.database(schema, roles.reader),
      };
    },
    close: async () => (await store)?.close(),
  };
}

/** Databases of a test's own on a server. */
export function storesOn(serverUrl: string): StoreKind {
  const name = `aduana_test_${randomBytes(6).toString('hex')}`;
  const url = Object.assign(new URL(serverUrl), { pathname: `/${name}` }).href;
  const admin = connect(serverUrl, 'public');
  const opened = new Map<string, Database>();
  const roles = new Set<string>();
  const asRole = (schema: string, role?: string): Database => {
    const key = `${schema} ${role ?? ''}`;
    const database = opened.get(key) ?? connect(url, schema, role);
    opened.set(key, database);
    return database;
  };
  return {
    async open(schema, migrations) {
      if (opened.size === 0) await admin.query(`CREATE DATABASE "${name}"`);
      const superuser = asRole(schema);
      await superuser.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
      const own = rolesOf(name, schema);
      for (const role of [own.owner, own.writer, own.reader]) roles.add(role);
      await migrate(superuser, { schema, roles: own, migrations });
      return { superuser, writer: asRole(schema, own.writer), reader: asRole(schema, own.reader), url };
    },
    async close() {
      await Promise.all([...opened.values()].map((database) => database.close()));
      await admin.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
      for (const role of roles) await admin.query(`DROP ROLE IF EXISTS "${role}"`);
      await admin.close();
    },
  };
}

/** Drops a database that a whole deployment had to itself, and the roles that its services made. */
export async function dropDeploymentDatabase(admin: Database, name: string): Promise<void> {
  await admin.query(`DROP DATABASE "${name}" WITH (FORCE)`);
  for (const service of ['sts', 'audit', 'admin']) {
    const { owner, writer, reader } = rolesOf(name, service);
    await admin.query(`DROP ROLE IF EXISTS "${owner}", "${writer}", "${reader}"`);
  }
}

function connect(url: string, schema: string, role?: string): Database {
  return openPgDatabase({
    url,
    schema,
    log: SILENT,
    maxConnections: 4,
    statementTimeoutMilliseconds: 200_000,
    ...(role === undefined ? {} : { role }),
  });
}
