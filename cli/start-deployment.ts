import { existsSync } from 'node:fs';
import { writeAddresses } from './addresses.ts';
import { chooseSystemPorts } from './choose-system-ports.ts';
import { join } from 'node:path';
import type { GatewayWorker } from '../gateway/workers/gateway-worker.ts';
import type { ProcessMetrics } from '@aduana/server-kit/platform/create-metrics';
import type { ServiceSettings } from '@aduana/server-kit/config/service-settings';
import type { RunningService } from '@aduana/server-kit/http/service-platform';
import { createSecretProvider } from '@aduana/server-kit/secrets/create-secret-provider';
import type { SecretProvider } from '@aduana/server-kit/secrets/secret-provider';
import { ensureClientSecrets } from '@aduana/server-kit/secrets/client-secrets';
import { acquireHomeLock, type HomeLock } from '@aduana/server-kit/store/home-lock';
import { type CertificateKeeper, openCertificateKeeper } from './certificate-keeper.ts';
import type { CommandContext } from './command-context.ts';
import { configureServices } from './configure-services.ts';
import { ensureEmbeddedStore } from './ensure-embedded-store.ts';
import { type ProcessPlatform, loadServiceIdentity, openProcessPlatform } from './process-platform.ts';
import type { ConfiguredService, DeploymentService } from './deployment-services.ts';
import { type MetricsPort, openMetricsPort } from './metrics-port.ts';
import { createPreflight, type Preflight } from './preflight.ts';
import { servicesWithSecrets } from './services-with-secrets.ts';
import { stopAll, type StopSignal } from './shutdown.ts';

export interface RunningDeployment {
  readonly services: readonly RunningService[];
  /** Of all of them. */
  readonly metrics: ProcessMetrics;
  /**
   * Stops the services, last started first, then gives back the database and the locks. Behind SIGTERM there may be a load
   * balancer: all of them say first that they are not ready, and serve on for `DRAIN_SECONDS`.
   */
  stop(signal: StopSignal): Promise<void>;
}

export interface StartOptions {
  /** Makes what is missing of the development certificates. */
  readonly makeCertificates: boolean;
  /** The whole deployment in one process: the embedded database serves without `DATABASE_URL`, port 0 lets the system choose. */
  readonly wholeDeployment: boolean;
  /** One of several processes of the gateway; the primary holds the home and has the ports. */
  readonly worker?: GatewayWorker;
  /** Ends a start that waits for a migration. */
  readonly signal?: AbortSignal;
}

/**
 * Starts services in this process, in any order and side by side.
 *
 * @throws ConfigurationError with every problem at once, before anything has been started
 */
export async function startDeployment(
  wanted: readonly DeploymentService[],
  context: CommandContext,
  options: StartOptions,
): Promise<RunningDeployment> {
  const [preflight, locks]: [Preflight, HomeLock[]] = [createPreflight(), []];
  let deployment: ProcessPlatform | undefined;
  const running: RunningService[] = [];
  let drainMilliseconds = 0;
  let keeper: CertificateKeeper | undefined;
  let metricsPort: MetricsPort | undefined;
  const giveBack = async (): Promise<void> => {
    await keeper?.stop();
    await metricsPort?.stop();
    // Those that record are stopped before the log, whichever was ready first.
    await stopAll([...inOrder(running, wanted)].reverse());
    await deployment?.close();
    await Promise.all(locks.map((lock) => lock.release()));
  };
  try {
    const { environment, chosen } = await chooseSystemPorts(
      wanted,
      context.environment,
      options.wholeDeployment,
    );
    const configured = await configureServices(wanted, { ...context, environment }, preflight, options);
    const [settings] = [...configured.values()].map((service) => service.settings);
    if (settings !== undefined) keeper = await openKeeper(wanted, settings, context, preflight, options);
    const secretHolders =
      settings === undefined
        ? []
        : await checkHome(wanted, settings, context, preflight, locks, keeper, options.worker);
    preflight.assertNone();
    if (settings === undefined) throw new TypeError('no service was named');
    drainMilliseconds = settings.DRAIN_SECONDS * 1000;
    if (options.wholeDeployment) await writeAddresses(settings.ADUANA_HOME, chosen);
    const secrets = await createSecretProvider({ settings, ...context });
    if (options.wholeDeployment) await ensureClientSecrets(secrets, secretHolders);
    const opened = (deployment = await openPlatform(wanted, settings, secrets, context, options));
    metricsPort = await openMetricsPort(settings, opened.metrics, context);
    await startAll(configured, opened, preflight, running, options.worker);
    keeper?.start();
  } catch (error) {
    await giveBack();
    throw error;
  }
  return {
    services: inOrder(running, wanted),
    metrics: deployment.metrics,
    async stop(signal) {
      for (const service of running) service.drain?.();
      if (signal === 'SIGTERM') await context.clock.sleep(drainMilliseconds);
      await giveBack();
    },
  };
}

/** What the services of this process share; the embedded database is made where none is named. */
async function openPlatform(
  wanted: readonly DeploymentService[],
  settings: ServiceSettings,
  secrets: SecretProvider,
  context: CommandContext,
  options: StartOptions,
): Promise<ProcessPlatform> {
  const needsStore = wanted.some((service) => service.needsStore);
  if (needsStore && settings.DATABASE_URL === undefined) await ensureEmbeddedStore(settings.ADUANA_HOME);
  return openProcessPlatform(settings, secrets, context, {
    services: wanted.map(({ name }) => name),
    isNeeded: needsStore,
    isAwaited: !options.wholeDeployment,
    signal: options.signal,
  });
}

function inOrder(
  running: readonly RunningService[],
  wanted: readonly DeploymentService[],
): readonly RunningService[] {
  const order = wanted.map(({ name }) => name);
  return [...running].sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
}

/** Starts the configured services side by side; those that started are in `running` also where another failed. */
async function startAll(
  configured: ReadonlyMap<string, ConfiguredService>,
  opened: ProcessPlatform,
  preflight: Preflight,
  running: RunningService[],
  worker: GatewayWorker | undefined,
): Promise<void> {
  const prepared = await Promise.all(
    [...configured].map(async ([name, service]) => ({
      service,
      platform: await preflight.try(() => opened.forService(name)),
    })),
  );
  preflight.assertNone();
  const started = await Promise.allSettled(
    prepared.map(async ({ service, platform }) => {
      if (platform !== undefined) running.push(await service.start(platform, worker));
    }),
  );
  for (const result of started)
    if (result.status === 'rejected') await preflight.try(() => Promise.reject(result.reason as Error));
  preflight.assertNone();
}

function openKeeper(
  wanted: readonly DeploymentService[],
  settings: ServiceSettings,
  context: CommandContext,
  preflight: Preflight,
  { makeCertificates: wholeDeployment }: StartOptions,
): Promise<CertificateKeeper | undefined> {
  const services = wanted.map(({ name }) => name);
  return preflight.try(() => openCertificateKeeper({ services, settings, wholeDeployment }, context));
}

/** Claims the home and reads what the services will read; answers which of them have client secrets. */
async function checkHome(
  wanted: readonly DeploymentService[],
  settings: ServiceSettings,
  context: CommandContext,
  preflight: Preflight,
  locks: HomeLock[],
  keeper: CertificateKeeper | undefined,
  worker: GatewayWorker | undefined,
): Promise<readonly string[]> {
  const suffix = worker === undefined ? '' : `.worker-${String(worker.number)}`;
  for (const { name } of wanted) {
    const lock = await preflight.try(() =>
      acquireHomeLock(settings.ADUANA_HOME, name + suffix, context.clock),
    );
    if (lock !== undefined) locks.push(lock);
  }
  await preflight.try(async () => keeper?.ensure());
  for (const { name } of wanted) {
    if (existsSync(join(settings.CERTS_DIR, `${name}.crt`)))
      await preflight.try(async () => {
        const identity = await loadServiceIdentity(name, settings, context);
        await identity.stop();
      });
  }
  return (await preflight.try(() => servicesWithSecrets(settings.POLICIES_DIR))) ?? [];
}
