import { join } from 'node:path';
import { createInProcessBus } from '@aduana/core/bus/in-process-bus';
import { createRedisBus } from '@aduana/core/bus/redis-bus';
import type { HouseSettings } from '@aduana/core/config/house-settings';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import type { ServicePlatform, ServiceStore } from '@aduana/core/http/service-platform';
import { loadTlsIdentity } from '@aduana/core/mtls/load-tls-identity';
import type { TlsIdentity } from '@aduana/core/mtls/tls-identity';
import { createMetrics } from '@aduana/core/platform/metrics';
import type { SecretProvider } from '@aduana/core/secrets/secret-provider';
import type { Database, Migration } from '@aduana/core/store/database';
import { migrate, rolesOf } from '@aduana/core/store/migrate';
import { openPgDatabase } from '@aduana/core/store/pg-database';
import { type EmbeddedStore, openEmbeddedStore } from '@aduana/core/store/pglite-database';
import type { CommandContext } from './command-context.ts';

/** What the services of one process share; `close` comes after all of them have stopped. */
export interface HousePlatform {
  forService(service: string): Promise<ServicePlatform>;
  close(): Promise<void>;
}

const REDIS_PREFIX = 'aduana:';
const MIGRATION_TIMEOUT_MS = 120_000;

/** Opens bus and database as the settings say: Redis and PostgreSQL, or in process and embedded. */
export async function openHousePlatform(
  settings: HouseSettings,
  secrets: SecretProvider,
  context: CommandContext,
  needsStore: boolean,
): Promise<HousePlatform> {
  const { clock, log } = context;
  const metrics = createMetrics();
  const bus =
    settings.REDIS_URL === undefined
      ? createInProcessBus()
      : createRedisBus(settings.REDIS_URL, REDIS_PREFIX, log);
  const embedded =
    needsStore && settings.DATABASE_URL === undefined
      ? await openEmbeddedStore(join(settings.ADUANA_HOME, 'data'))
      : undefined;
  const closers: (() => Promise<void>)[] = [];

  return {
    async forService(service) {
      const serviceLog = log.child({ service });
      const identity = await loadServiceIdentity(service, settings, { clock, log: serviceLog });
      closers.push(() => identity.stop());
      return {
        clock,
        log: serviceLog,
        metrics,
        bus,
        secrets,
        identity,
        async openStore(schema, migrations) {
          const store =
            embedded === undefined
              ? await openServerStore(settings, schema, migrations, context)
              : await openEmbeddedServiceStore(embedded, schema, migrations);
          closers.push(
            () => store.writer.close(),
            () => store.reader.close(),
          );
          return store;
        },
      };
    },
    async close() {
      await Promise.allSettled(closers.map((close) => close()));
      await bus.close();
      await embedded?.close();
      await secrets.close();
    },
  };
}

/** @throws ConfigurationError when certificate, key or CA cannot be used */
export function loadServiceIdentity(
  service: string,
  settings: HouseSettings,
  { clock, log }: Pick<CommandContext, 'clock' | 'log'>,
): Promise<TlsIdentity> {
  const { CERTS_DIR: certsDir, TRUST_DOMAIN: trustDomain } = settings;
  return loadTlsIdentity({ certsDir, service, trustDomain, clock, log });
}

async function openEmbeddedServiceStore(
  embedded: EmbeddedStore,
  schema: string,
  migrations: readonly Migration[],
): Promise<ServiceStore> {
  const roles = rolesOf('postgres', schema);
  await migrate(embedded.database(schema), { schema, roles, migrations });
  return { writer: embedded.database(schema, roles.writer), reader: embedded.database(schema, roles.reader) };
}

async function openServerStore(
  settings: HouseSettings,
  schema: string,
  migrations: readonly Migration[],
  { log }: CommandContext,
): Promise<ServiceStore> {
  const url = settings.DATABASE_URL ?? '';
  const { pathname, username } = new URL(url);
  const roles = rolesOf(decodeURIComponent(pathname.slice(1)) || username || 'postgres', schema);
  const separate = settings.MIGRATION_DATABASE_URL !== undefined;
  const migrator = openPgDatabase({
    url: settings.MIGRATION_DATABASE_URL ?? url,
    schema,
    maxConnections: 1,
    statementTimeoutMilliseconds: MIGRATION_TIMEOUT_MS,
    log,
  });
  try {
    await assertReachable(migrator, separate ? 'MIGRATION_DATABASE_URL' : 'DATABASE_URL');
    await migrate(migrator, {
      schema,
      roles,
      migrations,
      ...(separate && username !== '' ? { serviceUser: decodeURIComponent(username) } : {}),
    });
  } finally {
    await migrator.close();
  }
  const writer = openPgDatabase({ url, schema, role: roles.writer, log });
  if (separate) {
    await assertReachable(writer, 'DATABASE_URL');
    await warnOfPower(writer, schema, log);
  }
  return { writer, reader: openPgDatabase({ url, schema, role: roles.reader, log }) };
}

/** @throws ConfigurationError when the database that the variable names lets nobody in */
async function assertReachable(database: Database, variable: string): Promise<void> {
  try {
    await database.query('SELECT 1');
  } catch (error) {
    const { message, detail } = error as { readonly message: string; readonly detail?: string };
    throw new ConfigurationError([
      {
        subject: variable,
        problem: `the database lets nobody in: ${detail ?? message}`,
        remedy: `Start PostgreSQL, make role and database, or correct ${variable}`,
      },
    ]);
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
