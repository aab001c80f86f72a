import { join } from 'node:path';
import type { EventBus } from '@aduana/core/bus/event-bus';
import { createInProcessBus } from '@aduana/server-kit/bus/in-process-bus';
import type { ServiceSettings } from '@aduana/server-kit/config/service-settings';
import type { ServicePlatform, ServiceStore } from '@aduana/server-kit/http/service-platform';
import { loadTlsIdentity } from '@aduana/core/mtls/load-tls-identity';
import type { TlsIdentity } from '@aduana/core/mtls/tls-identity';
import { createMetrics, type ProcessMetrics } from '@aduana/server-kit/platform/create-metrics';
import { createProcessMetrics } from '@aduana/server-kit/platform/process-metrics';
import type { SecretProvider } from '@aduana/server-kit/secrets/secret-provider';
import type { Migration } from '@aduana/server-kit/store/database';
import { migrate, rolesOf } from '@aduana/server-kit/store/migrate';
import type { EmbeddedStore } from '@aduana/server-kit/store/pglite-database';
import type { Telemetry, TelemetryOptions } from '@aduana/server-kit/telemetry/open-telemetry';
import type { CommandContext } from './command-context.ts';
import type { openOnceThere } from './server-store.ts';

/** What the services of one process share; `close` comes after all of them have stopped. */
export interface ProcessPlatform {
  /** The metrics of all services of this process. */
  readonly metrics: ProcessMetrics;
  forService(service: string): Promise<ServicePlatform>;
  close(): Promise<void>;
}

export interface ProcessOptions {
  readonly isNeeded: boolean;
  /** The services of this process. */
  readonly services: readonly string[];
  /** Whether a database that is away is waited for, or an error at once. */
  readonly isAwaited: boolean;
  /** Ends every wait for the database. */
  readonly signal?: AbortSignal | undefined;
}

const REDIS_PREFIX = 'aduana:';

/** Opens bus and database as the settings say: Redis and PostgreSQL, or in process and embedded. */
export async function openProcessPlatform(
  settings: ServiceSettings,
  secrets: SecretProvider,
  context: CommandContext,
  { services, isNeeded, isAwaited, signal }: ProcessOptions,
): Promise<ProcessPlatform> {
  const { clock, log } = context;
  const metrics = createMetrics({ ofProcess: createProcessMetrics() });
  const telemetry = await openTelemetryIfAsked(settings, { services, metrics, clock, log });
  const bus = await openBus(settings, context);
  // Before the services: one that is ready long before the audit service begins with a spool, and empties it late.
  const embedded =
    isNeeded && settings.DATABASE_URL === undefined ? await openEmbedded(settings.ADUANA_HOME) : undefined;
  const closers: (() => Promise<void>)[] = [];

  return {
    metrics,
    async forService(service) {
      const serviceLog = log.child({ service });
      const identity = await loadServiceIdentity(service, settings, { clock, log: serviceLog });
      closers.push(() => identity.stop());
      return {
        clock,
        log: serviceLog,
        ...openServiceTelemetry(service, identity, metrics, telemetry),
        bus,
        secrets,
        identity,
        async openStore(schema, migrations) {
          const store =
            embedded === undefined
              ? await openServer(settings, { schema, migrations, signal, clock, log: serviceLog }, isAwaited)
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
      await telemetry?.stop();
    },
  };
}

/** Drivers are loaded where they are used. */
async function openBus({ REDIS_URL: url }: ServiceSettings, context: CommandContext): Promise<EventBus> {
  if (url === undefined) return createInProcessBus();
  const { createRedisBus } = await import('@aduana/server-kit/bus/redis-bus');
  return createRedisBus(url, REDIS_PREFIX, context);
}

async function openServer(...parameters: Parameters<typeof openOnceThere>): Promise<ServiceStore> {
  const server = await import('./server-store.ts');
  return server.openOnceThere(...parameters);
}

async function openEmbedded(home: string): Promise<EmbeddedStore> {
  const { openEmbeddedStore } = await import('@aduana/server-kit/store/pglite-database');
  return openEmbeddedStore(join(home, 'data'));
}

function openServiceTelemetry(
  service: string,
  identity: TlsIdentity,
  all: ProcessMetrics,
  telemetry: Telemetry | undefined,
): Pick<ServicePlatform, 'metrics' | 'tracer'> {
  const metrics = all.forService(service);
  metrics.gauge('aduana_certificate_expiry_timestamp_seconds', (gauge) => {
    gauge.set(identity.current().notAfter / 1000);
  });
  return telemetry === undefined ? { metrics } : { metrics, tracer: telemetry.tracerFor(service) };
}

/** OpenTelemetry is not even loaded where nothing is exported. */
async function openTelemetryIfAsked(
  settings: ServiceSettings,
  parts: Omit<TelemetryOptions, 'settings'>,
): Promise<Telemetry | undefined> {
  if (settings.OTEL_EXPORTER_OTLP_ENDPOINT === undefined || settings.OTEL_SDK_DISABLED) return undefined;
  const { openTelemetry } = await import('@aduana/server-kit/telemetry/open-telemetry');
  return openTelemetry({ settings, ...parts });
}

/** @throws ConfigurationError when certificate, key or CA cannot be used */
export function loadServiceIdentity(
  service: string,
  settings: ServiceSettings,
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
