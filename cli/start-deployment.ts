import { existsSync } from 'node:fs';
import { writeAddresses } from './addresses.ts';
import { chooseSystemPorts } from './choose-system-ports.ts';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HouseSettings } from '@aduana/core/config/house-settings';
import type { RunningService } from '@aduana/core/http/service-platform';
import { createSecretProvider } from '@aduana/core/secrets/create-secret-provider';
import { ensureClientSecrets } from '@aduana/core/secrets/client-secrets';
import { acquireHomeLock, type HomeLock } from '@aduana/core/store/home-lock';
import { type CertificateKeeper, openCertificateKeeper } from './certificate-keeper.ts';
import type { CommandContext } from './command-context.ts';
import { type HousePlatform, loadServiceIdentity, openHousePlatform } from './house-platform.ts';
import type { ConfiguredService, HouseService } from './house-services.ts';
import { misspelledVariables } from './misspelled-variables.ts';
import {
  checkBinding,
  checkFile,
  checkPorts,
  createPreflight,
  type Preflight,
  type WantedPort,
} from './preflight.ts';
import { servicesWithSecrets } from './services-with-secrets.ts';
import { stopAll } from './shutdown.ts';

export interface RunningHouse {
  readonly services: readonly RunningService[];
  /** Drains the services, last started first, then gives back the database and the locks. */
  stop(): Promise<void>;
}

export interface StartOptions {
  /** Makes what is missing of the development certificates. */
  readonly makeCertificates: boolean;
  /** The whole house in one process: the embedded database serves without `DATABASE_URL`, port 0 lets the system choose. */
  readonly wholeHouse: boolean;
}

/**
 * Starts services in this process, in any order and side by side.
 *
 * @throws ConfigurationError with every problem at once, before anything has been started
 */
export async function startHouse(
  wanted: readonly HouseService[],
  context: CommandContext,
  options: StartOptions,
): Promise<RunningHouse> {
  const preflight = createPreflight();
  const locks: HomeLock[] = [];
  let house: HousePlatform | undefined;
  const running: RunningService[] = [];
  let keeper: CertificateKeeper | undefined;
  const giveBack = async (): Promise<void> => {
    await keeper?.stop();
    await stopAll([...running].reverse());
    await house?.close();
    await Promise.all(locks.map((lock) => lock.release()));
  };
  try {
    const { environment, chosen } = await chooseSystemPorts(wanted, context.environment, options.wholeHouse);
    const configured = await configureAll(wanted, { ...context, environment }, preflight, options);
    const [settings] = [...configured.values()].map((service) => service.settings);
    if (settings !== undefined) keeper = await openKeeper(wanted, settings, context, preflight, options);
    const secretHolders =
      settings === undefined ? [] : await checkHome(wanted, settings, context, preflight, locks, keeper);
    preflight.assertNone();
    if (settings === undefined) throw new TypeError('no service was named');
    if (options.wholeHouse) await writeAddresses(settings.ADUANA_HOME, chosen);
    const secrets = await createSecretProvider({ settings, ...context });
    if (options.wholeHouse) await ensureClientSecrets(secrets, secretHolders);
    const needsStore = wanted.some((service) => service.needsStore);
    if (needsStore && settings.DATABASE_URL === undefined)
      await createEmbeddedStoreOnce(settings.ADUANA_HOME);
    const opened = (house = await openHousePlatform(settings, secrets, context, needsStore));
    const platforms = new Map(
      (
        await Promise.all(
          wanted.map(async ({ name }) => [name, await preflight.try(() => opened.forService(name))] as const),
        )
      ).filter((entry) => entry[1] !== undefined),
    );
    preflight.assertNone();
    const started = await Promise.allSettled(
      wanted.map(async ({ name }) => {
        const platform = platforms.get(name);
        const service = configured.get(name);
        if (platform === undefined || service === undefined) throw new TypeError(`${name} was not prepared`);
        running.push(await service.start(platform));
      }),
    );
    for (const result of started)
      if (result.status === 'rejected') await preflight.try(() => Promise.reject(result.reason as Error));
    preflight.assertNone();
    keeper?.start();
  } catch (error) {
    await giveBack();
    throw error;
  }
  const order = wanted.map(({ name }) => name);
  running.sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  return { services: running, stop: giveBack };
}

function openKeeper(
  wanted: readonly HouseService[],
  settings: HouseSettings,
  context: CommandContext,
  preflight: Preflight,
  { makeCertificates: wholeHouse }: StartOptions,
): Promise<CertificateKeeper | undefined> {
  const services = wanted.map(({ name }) => name);
  return preflight.try(() => openCertificateKeeper({ services, settings, wholeHouse }, context));
}

/** Claims the home and reads what the services will read; answers which of them have client secrets. */
async function checkHome(
  wanted: readonly HouseService[],
  settings: HouseSettings,
  context: CommandContext,
  preflight: Preflight,
  locks: HomeLock[],
  keeper: CertificateKeeper | undefined,
): Promise<readonly string[]> {
  for (const { name } of wanted) {
    const lock = await preflight.try(() => acquireHomeLock(settings.ADUANA_HOME, name, context.clock));
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

async function configureAll(
  wanted: readonly HouseService[],
  context: CommandContext,
  preflight: Preflight,
  options: StartOptions,
): Promise<ReadonlyMap<string, ConfiguredService>> {
  for (const { name, meant } of misspelledVariables(context.environment))
    context.log.warn('a variable is not known, and its name is nearly that of one', { name, meant });
  const configured = new Map<string, ConfiguredService>();
  for (const service of wanted) {
    // One process has one plain port for probes: the gateway's.
    const probes = options.wholeHouse && service.name !== 'gateway' ? { HEALTH_PORT: 'off' } : {};
    const ready = await preflight.try(() => service.configure({ ...context.environment, ...probes }));
    if (ready !== undefined) configured.set(service.name, ready);
  }
  const ports: WantedPort[] = [];
  let address = '127.0.0.1';
  for (const [name, { settings }] of configured) {
    checkBinding(preflight, settings);
    address = settings.BIND_ADDRESS;
    const { portVariables = [], fileVariables = [] } = wanted.find((service) => service.name === name) ?? {};
    const values = settings as Readonly<Record<string, unknown>>;
    for (const variable of portVariables) {
      const port = values[variable];
      if (typeof port === 'number') ports.push({ variable, port });
    }
    for (const variable of fileVariables) checkFile(preflight, variable, String(values[variable]));
    if (settings.DATABASE_URL === undefined && !options.wholeHouse && wanted.some((s) => s.needsStore))
      preflight.add({
        subject: 'DATABASE_URL',
        problem: `is not set, and ${name} alone has no embedded database`,
        remedy: 'Set DATABASE_URL=postgres://user@host:5432/database, or run `aduana up`',
      });
  }
  if ([...configured.values()].some(({ settings }) => !settings.MTLS_ENABLED))
    context.log.warn(
      'MTLS IS OFF: the gateway asks nobody for a certificate. This is for development on loopback; set MTLS_ENABLED=true',
    );
  await checkPorts(preflight, address, ports);
  return configured;
}

/** PGlite's first creation takes twice the memory of the running one: a child process takes it and gives it back. */
async function createEmbeddedStoreOnce(home: string): Promise<void> {
  const folder = join(home, 'data');
  if (existsSync(join(folder, 'PG_VERSION'))) return;
  const child = fork(fileURLToPath(new URL('create-embedded-store.js', import.meta.url)), [folder], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`the embedded database in ${folder} could not be created`);
}
