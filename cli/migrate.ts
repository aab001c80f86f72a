import type { Command } from 'commander';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import type { CommandContext } from './command-context.ts';
import { examples } from './help-examples.ts';

const DESCRIPTION =
  'migrate the database schemas of sts, audit and admin, and end (needs MIGRATION_DATABASE_URL)';
const HELP = `${examples('migrate')}

Each service's login becomes a member of the roles that write and read its schema:
  MIGRATION_LOGINS=sts:aduana_sts,audit:aduana_audit,admin:aduana_admin names the logins.
  Without it: the login of DATABASE_URL if it is set, and any login named <database>_<service>.`;

/** `aduana migrate`: the one holder of the login that may change schemas. */
export function registerMigrate(program: Command, context: CommandContext): void {
  program
    .command('migrate')
    .description(DESCRIPTION)
    .addHelpText('after', HELP)
    .action(() => migrateAll(context));
}

/** @throws ConfigurationError with what keeps a schema from being migrated */
async function migrateAll(context: CommandContext): Promise<void> {
  const { environment, log, print } = context;
  const { loadConfig } = await import('@aduana/server-kit/config/load-config');
  const { SERVICE_SETTINGS } = await import('@aduana/server-kit/config/service-settings');
  const { migrate, rolesOf } = await import('@aduana/server-kit/store/migrate');
  const { StatementError } = await import('@aduana/server-kit/store/database-error');
  const { databaseNameOf } = await import('@aduana/server-kit/platform/database-url');
  const { assertReachable, openMigrator } = await import('./server-store.ts');
  const { readMigrationLogins } = await import('./migration-logins.ts');
  const {
    DATABASE_URL,
    MIGRATION_DATABASE_URL: url,
    MIGRATION_LOGINS,
  } = loadConfig(
    {
      DATABASE_URL: SERVICE_SETTINGS.DATABASE_URL,
      MIGRATION_DATABASE_URL: SERVICE_SETTINGS.MIGRATION_DATABASE_URL,
      MIGRATION_LOGINS: SERVICE_SETTINGS.MIGRATION_LOGINS,
    },
    environment,
  );
  if (url === undefined)
    throw problem(
      'is not set',
      'Set it to a login that owns the schemas, or may create them and their roles',
    );
  const database = databaseNameOf(url);
  for (const [schema, migrations] of await loadMigrations()) {
    const migrator = openMigrator(url, schema, log);
    try {
      await assertReachable(migrator, 'MIGRATION_DATABASE_URL');
      const logins = { named: MIGRATION_LOGINS, serviceUrl: DATABASE_URL, migrationUrl: url, database };
      const serviceUsers = await readMigrationLogins(migrator, schema, logins);
      const roles = rolesOf(database, schema);
      const applied = await migrate(migrator, { schema, roles, migrations, serviceUsers });
      const what = applied.length === 0 ? 'is up to date' : `applied ${applied.join(', ')}`;
      print(
        `${schema.padEnd(6)} ${what}; works as ${serviceUsers.join(', ') || 'the logins that were granted before'}`,
      );
    } catch (error) {
      if (!(error instanceof StatementError)) throw error;
      throw problem(
        `${schema}: the database refused (${error.message})`,
        'Let the login own the schemas, or create them and their roles; docs/postgresql-and-redis.md lists what it needs',
      );
    } finally {
      await migrator.close();
    }
  }
}

async function loadMigrations() {
  const [sts, audit, admin] = await Promise.all([
    import('../subgraphs/sts/migrations.ts'),
    import('../subgraphs/audit/log/migrations.ts'),
    import('../subgraphs/admin/migrations.ts'),
  ]);
  return [
    ['sts', sts.MIGRATIONS],
    ['audit', audit.AUDIT_MIGRATIONS],
    ['admin', admin.MIGRATIONS],
  ] as const;
}

function problem(what: string, remedy: string): ConfigurationError {
  return new ConfigurationError([{ subject: 'MIGRATION_DATABASE_URL', problem: what, remedy }]);
}
