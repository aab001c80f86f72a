import { sha256Hex } from '../platform/digest.ts';
import type { Database, Migration, Queryable, Roles } from './database.ts';
import { StatementError } from './database-error.ts';

/** The role names of a service in the database named `database`. */
export function rolesOf(database: string, schema: string): Roles {
  const prefix = `${database.replace(/\W/g, '_')}_${schema}`.toLowerCase();
  return { owner: `${prefix}_owner`, writer: `${prefix}_writer`, reader: `${prefix}_reader` };
}

export interface MigrateOptions {
  readonly schema: string;
  readonly roles: Roles;
  readonly migrations: readonly Migration[];
  /** The login role that will work as writer and reader; undefined: the migrating role itself. */
  readonly serviceUser?: string;
}

/**
 * Brings a service's schema up to date: makes roles and schema, then applies what is missing, as the owner, in one
 * transaction under an advisory lock.
 *
 * @param database a connection that may create roles and schemas, with no role of its own set
 * @throws StatementError when an applied migration was edited, or a role is missing and may not be created
 */
export async function migrate(database: Database, options: MigrateOptions): Promise<void> {
  const { schema, roles, migrations } = options;
  await database.exclusively('migrate', async (transaction) => {
    await createRoles(transaction, options);
    await transaction.query(`CREATE SCHEMA IF NOT EXISTS "${schema}" AUTHORIZATION "${roles.owner}"`);
    await transaction.query(`GRANT USAGE ON SCHEMA "${schema}" TO "${roles.writer}", "${roles.reader}"`);
    await transaction.query(`SET LOCAL ROLE "${roles.owner}"`);
    await transaction.query(
      `CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`,
    );
    const applied = new Map(
      (
        await transaction.query<{ name: string; sha256: string }>('SELECT name, sha256 FROM migrations')
      ).rows.map(({ name, sha256 }) => [name, sha256]),
    );
    for (const migration of migrations) {
      const sql = migration.sql(roles);
      const sha256 = sha256Hex(sql);
      const known = applied.get(migration.name);
      if (known === undefined) {
        await transaction.query(`DO $migration$ BEGIN ${sql} END $migration$`);
        await transaction.query('INSERT INTO migrations (name, sha256) VALUES ($1, $2)', [
          migration.name,
          sha256,
        ]);
      } else if (known !== sha256)
        throw new StatementError('F0000', `migration ${migration.name} was edited after it had been applied`);
    }
    await transaction.query('RESET ROLE');
  });
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
  const user = options.serviceUser === undefined ? 'CURRENT_USER' : `"${options.serviceUser}"`;
  await transaction.query(`GRANT "${writer}", "${reader}" TO ${user}`);
}
