import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { ServiceSettings } from '@aduana/server-kit/config/service-settings';
import type { ServiceStore } from '@aduana/server-kit/http/service-platform';
import { databaseNameOf } from '@aduana/server-kit/platform/database-url';
import { awaitMigrations } from '@aduana/server-kit/store/await-migrations';
import type { Database, Migration } from '@aduana/server-kit/store/database';
import { mayMigrate, migrate, type MigrateOptions, rolesOf } from '@aduana/server-kit/store/migrate';
import { openPgDatabase } from '@aduana/server-kit/store/pg-database';
import type { CommandContext } from './command-context.ts';

const RETRY_MS = 1_000;
const REMIND_MS = 60_000;

export interface ServerStoreOptions {
  readonly schema: string;
  readonly migrations: readonly Migration[];
  /** Ends the wait for a migration. */
  readonly signal: AbortSignal | undefined;
  readonly clock: CommandContext['clock'];
  readonly log: CommandContext['log'];
}

/** Migrates with a login that may, unless another one is meant to; else waits until the schema is up to date. */
export async function openServerStore(
  settings: Pick<ServiceSettings, 'DATABASE_URL' | 'MIGRATION_DATABASE_URL'>,
  { schema, migrations, signal, clock, log }: ServerStoreOptions,
): Promise<ServiceStore> {
  const url = settings.DATABASE_URL ?? '';
  const roles = rolesOf(databaseNameOf(url), schema);
  const separate = settings.MIGRATION_DATABASE_URL !== undefined;
  if (separate)
    log.warn('this service holds the login of migrations, which it does not need', {
      remedy: 'Give MIGRATION_DATABASE_URL to `aduana migrate` alone',
    });
  const migrated = !separate && (await migrateOwnStore(url, { schema, roles, migrations, log }));
  const writer = openPgDatabase({ url, schema, role: roles.writer, log });
  try {
    if (!migrated) {
      await awaitMigrations(writer, { schema, roles, migrations, signal, clock, log });
      await warnOfPower(writer, schema, log);
    }
  } catch (error) {
    await writer.close();
    throw error;
  }
  return { writer, reader: openPgDatabase({ url, schema, role: roles.reader, log }) };
}

/** Opens a store once its database is there, where that is to be waited for: services start in any order. */
export async function openOnceThere(
  settings: Pick<ServiceSettings, 'DATABASE_URL' | 'MIGRATION_DATABASE_URL'>,
  options: ServerStoreOptions,
  isAwaited: boolean,
): Promise<ServiceStore> {
  const { clock, log, signal } = options;
  let remindAt = -Infinity;
  for (;;)
    try {
      return await openServerStore(settings, options);
    } catch (error) {
      const away = awayError(error);
      if (!isAwaited || away === undefined) throw error;
      if (clock.monotonic() >= remindAt) {
        remindAt = clock.monotonic() + REMIND_MS;
        log.warn('the database is away: this service is live, and not ready until it answers', {
          detail: away.detail,
        });
      }
      await clock.sleep(RETRY_MS, signal);
    }
}

/** The failure of a database that may come by itself; a refused login or a missing database does not. */
function awayError(error: unknown): SecurityError | undefined {
  const cause = error instanceof ConfigurationError ? error.cause : error;
  return cause instanceof SecurityError && cause.code === 'STORE_UNAVAILABLE' ? cause : undefined;
}

/** @returns false where this login may not migrate, and another one has to */
async function migrateOwnStore(
  url: string,
  options: Omit<MigrateOptions, 'serviceUsers'> & Pick<ServerStoreOptions, 'log'>,
): Promise<boolean> {
  const migrator = openMigrator(url, options.schema, options.log);
  try {
    await assertReachable(migrator, 'DATABASE_URL');
    if (!(await mayMigrate(migrator, options.roles))) return false;
    await migrate(migrator, options);
    return true;
  } finally {
    await migrator.close();
  }
}

/** A connection for migrations, which may take long. */
export function openMigrator(url: string, schema: string, log: CommandContext['log']): Database {
  const statementTimeoutMilliseconds = 120_000;
  return openPgDatabase({ url, schema, maxConnections: 1, statementTimeoutMilliseconds, log });
}

/** @throws ConfigurationError when the database that the variable names lets nobody in */
export async function assertReachable(database: Database, variable: string): Promise<void> {
  try {
    await database.query('SELECT 1');
  } catch (error) {
    const { message, detail } = error as { readonly message: string; readonly detail?: string };
    const problem = {
      subject: variable,
      problem: `the database lets nobody in: ${detail ?? message}`,
      remedy: `Start PostgreSQL, make role and database, or correct ${variable}`,
    };
    throw new ConfigurationError([problem], { cause: error });
  }
}

/** With a migration role of its own, the services' login needs neither ownership nor CREATEROLE. */
async function warnOfPower(database: Database, schema: string, log: CommandContext['log']): Promise<void> {
  const { rows } = await database.query<{ powerful: boolean }>(
    `SELECT rolsuper OR rolcreaterole OR pg_has_role(session_user,
        (SELECT nspowner FROM pg_namespace WHERE nspname = $1), 'MEMBER') AS powerful
       FROM pg_roles WHERE rolname = session_user`,
    [schema],
  );
  if (rows[0]?.powerful === true)
    log.warn('the login role of DATABASE_URL has more rights than the services need', {
      remedy: 'Take away SUPERUSER, CREATEROLE and the membership in the owner role',
    });
}
