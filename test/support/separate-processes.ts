import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from './free-port.ts';
import { type CommandResult, deploymentEnvironment, runAduana } from './running-deployment.ts';
import { LONGEST_WAIT_MS } from './until.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MAIN = join(ROOT, 'dist/cli/main.js');
const SERVICES = ['audit', 'sts', 'admin', 'leads', 'gateway'] as const;
const RESTART_PAUSE_MS = 500;

export type ServiceName = (typeof SERVICES)[number];

/** What `/health` answers. */
export interface ToldHealth {
  readonly code: number;
  readonly checks: Readonly<Record<string, string>>;
}

/** The deployment as production runs it, one process for each service, to be killed one at a time. */
export interface SeparateProcesses {
  readonly folder: string;
  readonly gatewayUrl: string;
  /** `Authorization` of a caller. */
  credentials(service: 'bff' | 'actuator'): string;
  /** A service that ends by itself, since its database is away at its start, is started again, as a supervisor does. */
  start(service: ServiceName): void;
  /** Of its process; undefined while it does not run. */
  pid(service: ServiceName): number | undefined;
  /** SIGKILL. */
  kill(service: ServiceName): Promise<void>;
  /** SIGTERM to all, last started first; the exit codes. */
  stop(): Promise<readonly (number | null)[]>;
  health(service: ServiceName): Promise<ToldHealth | undefined>;
  /** Waits until a service's health is as wanted. */
  untilHealth(service: ServiceName, holds: (health: ToldHealth | undefined) => boolean): Promise<void>;
  aduana(...args: string[]): Promise<CommandResult>;
  output(): string;
  remove(): Promise<void>;
}

export async function startSeparateProcesses(
  databaseUrl: string,
  more: Readonly<Record<string, string>> = {},
  gatewayFlags: readonly string[] = [],
): Promise<SeparateProcesses> {
  if (!existsSync(MAIN)) throw new Error('dist/ is missing: run `npm run build` first');
  const folder = await mkdtemp(join(tmpdir(), 'aduana-apart-'));
  const ports = await choosePorts();
  const secrets = { bff: 'a secret of the BFF for a test', actuator: 'a secret of the actuator for a test' };
  const environment = deploymentEnvironment(folder, {
    ...ports.variables,
    BFF_CLIENT_SECRET: secrets.bff,
    ACTUATOR_CLIENT_SECRET: secrets.actuator,
    DATABASE_URL: databaseUrl,
    ...more,
  });
  const processes = new Map<ServiceName, ChildProcess>();
  const chunks: string[] = [];
  const made = await runAduana(['certs'], environment);
  if (made.code !== 0) throw new Error(made.stderr);

  const health = async (service: ServiceName): Promise<ToldHealth | undefined> => {
    const url = `http://127.0.0.1:${String(ports.health[service])}/health`;
    try {
      const answer = await fetch(url, { signal: AbortSignal.timeout(30_000) });
      return { code: answer.status, checks: ((await answer.json()) as ToldHealth).checks };
    } catch {
      return undefined;
    }
  };

  function start(service: ServiceName): void {
    const child = spawn(process.execPath, [MAIN, service, ...(service === 'gateway' ? gatewayFlags : [])], {
      cwd: ROOT,
      env: { ...environment, HEALTH_PORT: String(ports.health[service]) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => chunks.push(`${service}: ${chunk.toString()}`));
    processes.set(service, child);
    child.once('exit', () => {
      if (processes.get(service) !== child) return;
      chunks.push(`${service}: has ended, and is started again\n`);
      setTimeout(() => {
        if (processes.get(service) === child) start(service);
      }, RESTART_PAUSE_MS);
    });
  }

  async function end(service: ServiceName, signal: NodeJS.Signals): Promise<number | null> {
    const child = processes.get(service);
    processes.delete(service);
    if (child === undefined) return null;
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill(signal);
      await exited;
    }
    return child.exitCode;
  }

  const deployment: SeparateProcesses = {
    folder,
    gatewayUrl: `http://127.0.0.1:${String(ports.variables['GATEWAY_HTTP_PORT'])}/graphql`,
    credentials: (service) =>
      `Basic ${Buffer.from(`${service}:${encodeURIComponent(secrets[service])}`).toString('base64')}`,
    start,
    pid: (service) => processes.get(service)?.pid,
    kill: async (service) => { await end(service, 'SIGKILL'); },
    async stop() {
      const codes: (number | null)[] = [];
      for (const service of [...SERVICES].reverse()) codes.push(await end(service, 'SIGTERM'));
      return codes;
    },
    health,
    async untilHealth(service, holds) {
      const deadline = performance.now() + LONGEST_WAIT_MS;
      for (let told = await health(service); !holds(told); told = await health(service)) {
        if (performance.now() > deadline)
          throw new Error(`${service} says ${JSON.stringify(told)}; printed:\n${chunks.join('').slice(-5000)}`);
        await wait(100);
      }
    },
    aduana: (...args) => runAduana(args, environment),
    output: () => chunks.join(''),
    async remove() {
      for (const service of [...processes.keys()]) await end(service, 'SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  }; // prettier-ignore
  for (const service of SERVICES) start(service);
  try {
    for (const service of SERVICES) await deployment.untilHealth(service, (told) => told?.code === 200);
  } catch (error) {
    await deployment.remove();
    throw error;
  }
  return deployment;
}

async function choosePorts() {
  const names = [
    'GATEWAY_HTTP_PORT',
    'GATEWAY_TLS_PORT',
    'STS_PORT',
    'AUDIT_PORT',
    'ADMIN_PORT',
    'LEADS_PORT',
  ];
  const variables: Record<string, string> = {};
  for (const name of names) variables[name] = String(await freePort());
  const health = {} as Record<ServiceName, number>;
  for (const service of SERVICES) health[service] = await freePort();
  return { variables, health };
}
