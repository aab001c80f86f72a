import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type CommandResult, deploymentEnvironment, runAduana } from '../running-deployment.ts';
import type { ToldHealth } from '../separate-processes.ts';
import { LONGEST_WAIT_MS } from '../until.ts';
import type { Host, HostProcess } from './host.ts';
import { addressOf, type HostName } from './network.ts';

const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
const SUPERGRAPH = fileURLToPath(new URL('../../../deploy/supergraph.yaml', import.meta.url));
const RESTART_PAUSE_MS = 1000;
const HEALTH_PORT = 9000;
const SECRETS = { bff: 'a secret of the BFF for a test', actuator: 'a secret of the actuator for a test' };

export const SERVICE_HOSTS = [
  'audit1',
  'audit2',
  'sts1',
  'sts2',
  'admin',
  'leads',
  'gateway1',
  'gateway2',
] as const satisfies readonly HostName[];
export type ServiceHost = (typeof SERVICE_HOSTS)[number];

/** The product: one process on each of its hosts, started again a second after it has ended. */
export interface ServiceHosts {
  readonly certificates: string;
  credentials(service: keyof typeof SECRETS): string;
  /** SIGKILL; it is started again. */
  kill(host: ServiceHost): Promise<void>;
  /** The same, and nothing is left of what it had written. */
  loseDisk(host: ServiceHost): Promise<void>;
  /** SIGTERM, as a roll-out sends it; resolves with the exit code once it serves again. */
  restart(host: ServiceHost): Promise<number | null>;
  /** All at once, from now on with these variables too. */
  restartAll(more: Readonly<Record<string, string>>): Promise<void>;
  /** Waits until every service is ready and every check of the gateways is ok. */
  untilHealthy(): Promise<void>;
  health(host: ServiceHost): Promise<ToldHealth | undefined>;
  aduana(args: readonly string[], more?: Readonly<Record<string, string>>): Promise<CommandResult>;
}

export async function startServices(
  hosts: Record<ServiceHost, Host>,
  folder: string,
  databaseUrls: readonly [string, string],
  redisUrl: string,
): Promise<ServiceHosts> {
  const common = await variablesOf(folder, redisUrl);
  const made = await runAduana(['certs'], common);
  if (made.code !== 0) throw new Error(made.stderr);
  const processes = new Map<ServiceHost, HostProcess>();

  function start(host: ServiceHost): void {
    const [, service = '', number = ''] = /^([a-z]+)(\d*)$/.exec(host) ?? [];
    const environment = {
      ...common,
      ADUANA_HOME: join(folder, host),
      INSTANCE: number || '1',
      DATABASE_URL: databaseUrls[number === '2' ? 1 : 0],
    };
    const running = hosts[host].start([process.execPath, MAIN, service], { environment });
    processes.set(host, running);
    running.child.once('exit', () => {
      setTimeout(start, RESTART_PAUSE_MS, host).unref();
    });
  }
  const terminate = async (host: ServiceHost) => processes.get(host)?.end('SIGTERM');

  for (const host of SERVICE_HOSTS) start(host);
  await untilHealthy(SERVICE_HOSTS);
  return {
    certificates: join(folder, 'certs'),
    credentials: (service) =>
      `Basic ${Buffer.from(`${service}:${encodeURIComponent(SECRETS[service])}`).toString('base64')}`,
    async kill(host) {
      await processes.get(host)?.end('SIGKILL');
    },
    async loseDisk(host) {
      await processes.get(host)?.end('SIGKILL');
      await rm(join(folder, host), { recursive: true });
    },
    async restart(host) {
      const code = await terminate(host);
      await untilHealthy([host]);
      return code ?? null;
    },
    async restartAll(more) {
      Object.assign(common, more);
      await Promise.all(SERVICE_HOSTS.map(terminate));
      await untilHealthy(SERVICE_HOSTS);
    },
    untilHealthy: () => untilHealthy(SERVICE_HOSTS),
    health,
    aduana: (args, more = {}) => runAduana(args, { ...common, ...more }),
  };
}

async function variablesOf(folder: string, redisUrl: string): Promise<Record<string, string>> {
  const masterKey = join(folder, 'master.key');
  await writeFile(masterKey, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 });
  return deploymentEnvironment(folder, {
    BIND_ADDRESS: '0.0.0.0',
    GATEWAY_HTTP_PORT: 'off',
    CONSOLE_PORT: 'off',
    GATEWAY_TLS_PORT: '4443',
    STS_PORT: '8011',
    AUDIT_PORT: '8012',
    ADMIN_PORT: '8013',
    LEADS_PORT: '8014',
    HEALTH_PORT: String(HEALTH_PORT),
    PUBLIC_HOSTS: 'gateway,gateway1',
    GATEWAY_URL: 'https://gateway:4443',
    STS_ISSUER: 'https://sts:8011',
    AUDIT_URL: 'https://audit:8012',
    ADMIN_URL: 'https://admin:8013',
    SUPERGRAPH_CONFIG: SUPERGRAPH,
    ADUANA_MASTER_KEY_FILE: masterKey,
    BFF_CLIENT_SECRET: SECRETS.bff,
    ACTUATOR_CLIENT_SECRET: SECRETS.actuator,
    REDIS_URL: redisUrl,
  });
}

async function health(host: ServiceHost): Promise<ToldHealth | undefined> {
  try {
    const url = `http://${addressOf(host)}:${String(HEALTH_PORT)}/health`;
    const answer = await fetch(url, { signal: AbortSignal.timeout(5000) });
    return { code: answer.status, checks: ((await answer.json()) as ToldHealth).checks };
  } catch {
    return undefined;
  }
}

async function isHealthy(host: ServiceHost): Promise<boolean> {
  const told = await health(host);
  if (told?.code !== 200) return false;
  return !host.startsWith('gateway') || Object.values(told.checks).every((state) => state === 'ok');
}

async function untilHealthy(among: readonly ServiceHost[]): Promise<void> {
  const deadline = performance.now() + LONGEST_WAIT_MS;
  for (const host of among)
    while (!(await isHealthy(host))) {
      if (performance.now() > deadline)
        throw new Error(`${host} does not recover: ${JSON.stringify(await health(host))}`);
      await wait(100);
    }
}
