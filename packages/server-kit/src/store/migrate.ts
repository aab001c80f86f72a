import { sha256Hex } from '@aduana/core/platform/digest';
import type { Database, Migration, Queryable, Roles } from './database.ts';
import { ConstraintError, StatementError } from './database-error.ts';
import { LOCKS } from './row-locks.ts';

/** The role names of a service in the database named `database`. */
export function rolesOf(database: string, schema: string): Roles {
  const prefix = `${database.replace(/\W/g, '_')}_${schema}`.toLowerCase();
  return { owner: `${prefix}_owner`, writer: `${prefix}_writer`, reader: `${prefix}_reader` };
}

/** Our own SQLSTATE for a migration that differs from what was applied. */
export const EDITED = 'F0000';

export interface MigrateOptions {
  readonly schema: string;
  readonly roles: Roles;
  readonly migrations: readonly Migration[];
  /** The logins that will work as writer and reader; undefined: the migrating login itself. */
  readonly serviceUsers?: readonly string[];
}

/**
 * Brings a service's schema up to date: makes roles and schema, then applies what is missing, as the owner, in one
 * transaction under a lock that only the owner may take.
 *
 * @param database a connection that may create roles and schemas, with no role of its own set
 * @returns the names of the migrations that were applied now
 * @throws StatementError when an applied migration was edited, or a role is missing and may not be created
 */
export async function migrate(database: Database, options: MigrateOptions): Promise<readonly string[]> {
  await layFoundation(database, options);
  return database.transaction(async (transaction) => {
    await transaction.query(`SET LOCAL ROLE "${options.roles.owner}"`);
    await transaction.query('LOCK TABLE migrations IN SHARE ROW EXCLUSIVE MODE');
    const missing = await missingMigrations(transaction, options);
    for (const { name, sql, sha256 } of missing) {
      await transaction.query(`DO $migration$ BEGIN ${sql} END $migration$`);
      await transaction.query('INSERT INTO migrations (name, sha256) VALUES ($1, $2)', [name, sha256]);
    }
    await transaction.query('RESET ROLE');
    return missing.map(({ name }) => name);
  });
}

const ATTEMPTS = 20;
/** Two that make or grant the same at once: duplicate objects, a deadlock, and "tuple concurrently updated". */
const MADE_MEANWHILE = /^(42710|42P06|42P07|40P01|XX000)$/;

/** What migrations and their lock need. Whoever meets another at it tries again, and finds what the other has made. */
async function layFoundation(database: Database, options: MigrateOptions): Promise<void> {
  const { schema, roles } = options;
  for (let attempt = 1; ; attempt += 1)
    try {
      await database.transaction(async (transaction) => {
        await createRoles(transaction, options);
        await transaction.query(`CREATE SCHEMA IF NOT EXISTS "${schema}" AUTHORIZATION "${roles.owner}"`);
        await transaction.query(`GRANT USAGE ON SCHEMA "${schema}" TO "${roles.writer}", "${roles.reader}"`);
        await transaction.query(`SET LOCAL ROLE "${roles.owner}"`);
        await transaction.query(
          `CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`,
        );
        await transaction.query(`GRANT SELECT ON migrations TO "${roles.writer}", "${roles.reader}"`);
        await transaction.query('RESET ROLE');
      });
      return;
    } catch (error) {
      const isMadeMeanwhile =
        error instanceof ConstraintError ||
        (error instanceof StatementError && MADE_MEANWHILE.test(error.sqlState));
      if (!isMadeMeanwhile || attempt === ATTEMPTS) throw error;
    }
}

interface MissingMigration {
  readonly name: string;
  readonly sql: string;
  readonly sha256: string;
}

/**
 * What is not applied yet, in order; a later release may have applied more than is known here.
 *
 * @throws StatementError when an applied migration was edited, or the schema cannot be read
 */
export async function missingMigrations(
  database: Queryable,
  { roles, migrations }: Pick<MigrateOptions, 'roles' | 'migrations'>,
): Promise<readonly MissingMigration[]> {
  const { rows } = await database.query<{ name: string; sha256: string }>(
    'SELECT name, sha256 FROM migrations',
  );
  const applied = new Map(rows.map(({ name, sha256 }) => [name, sha256]));
  return [LOCKS, ...migrations].flatMap((migration) => {
    const sql = migration.sql(roles);
    const sha256 = sha256Hex(sql);
    const known = applied.get(migration.name);
    if (known === undefined) return [{ name: migration.name, sql, sha256 }];
    if (known === sha256) return [];
    throw new StatementError(EDITED, `migration ${migration.name} was edited after it had been applied`);
  });
}

/** Whether this login could bring the schema up to date itself. */
export async function mayMigrate(database: Queryable, { owner }: Roles): Promise<boolean> {
  const { rows } = await database.query<{ able: boolean }>(
    `SELECT login.rolsuper OR CASE WHEN owner.oid IS NULL
         THEN login.rolcreaterole AND has_database_privilege(current_database(), 'CREATE')
         ELSE pg_has_role(session_user, owner.oid, 'MEMBER') END AS able
       FROM pg_roles login LEFT JOIN pg_roles owner ON owner.rolname = $1 WHERE login.rolname = session_user`,
    [owner],
  );
  return rows[0]?.able === true;
}

async function createRoles(transaction: Queryable, options: MigrateOptions): Promise<void> {
  const { owner, writer, reader } = options.roles;
  const { rows } = await transaction.query<{ rolname: string }>(
    'SELECT rolname FROM pg_roles WHERE rolname IN ($1, $2, $3)',
    [owner, writer, reader],
  );
  const existing = new Set(rows.map(({ rolname }) => rolname));
  for (const role of [owner, writer, reader])
    if (!existing.has(role)) await transaction.query(`CREATE ROLE "${role}" NOLOGIN`);
  await transaction.query(`GRANT "${owner}" TO CURRENT_USER`);
  const users = options.serviceUsers?.map((user) => `"${user.replaceAll('"', '""')}"`) ?? ['CURRENT_USER'];
  for (const user of users) await transaction.query(`GRANT "${writer}", "${reader}" TO ${user}`);
}
