import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LONGEST_WAIT_MS } from './until.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MAIN = join(ROOT, 'dist/cli/main.js');
const PORT_VARIABLES = [
  'GATEWAY_HTTP_PORT',
  'GATEWAY_TLS_PORT',
  'STS_PORT',
  'AUDIT_PORT',
  'ADMIN_PORT',
  'LEADS_PORT',
  'CONSOLE_PORT',
] as const;

type PortVariable = (typeof PORT_VARIABLES)[number];

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The built deployment in a process of its own, as `npm start` runs it, on ports that the system chose. */
export interface TestDeployment {
  readonly process: ChildProcess;
  readonly folder: string;
  readonly ports: Readonly<Record<PortVariable, number>>;
  /** What it has printed to standard output and standard error so far. */
  output(): string;
  /** Runs `aduana ...args` against this deployment. */
  aduana(...args: string[]): Promise<CommandResult>;
  /** Sends SIGINT and waits; answers the exit code. */
  stop(): Promise<number | null>;
}

export interface DeploymentOptions {
  readonly args?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** A folder of an earlier deployment, to start it again. */
  readonly folder?: string;
}

/** Starts the deployment and waits for `aduana ready`; the folder is removed by `stop` unless it was given. */
export async function startTestDeployment(options: DeploymentOptions = {}): Promise<TestDeployment> {
  if (!existsSync(MAIN)) throw new Error('dist/ is missing: run `npm run build` first');
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'aduana-')));
  const environment = deploymentEnvironment(folder, options.environment);
  const { child, chunks } = await launchReady(['up', ...(options.args ?? [])], environment);
  const chosen = await readPorts(folder, environment);
  return {
    process: child,
    folder,
    ports: chosen,
    output: () => chunks.join(''),
    aduana: (...args) => runAduana(args, environment),
    async stop() {
      if (child.exitCode === null) {
        child.kill('SIGINT');
        await once(child, 'exit');
      }
      if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
      return child.exitCode;
    },
  };
}

const PORT_TAKEN = /the port is taken/;
const MOST_LAUNCHES = 3;

/** Launches once more where another process took a port between the moment it was chosen and the moment it was opened. */
async function launchReady(args: readonly string[], environment: Readonly<Record<string, string>>) {
  for (let launch = 1; ; launch += 1) {
    const child = spawn(process.execPath, [MAIN, ...args], { cwd: ROOT, env: environment });
    const chunks: string[] = [];
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
    try {
      await untilReady(child, chunks);
      return { child, chunks };
    } catch (error) {
      if (!PORT_TAKEN.test(chunks.join('')) || launch === MOST_LAUNCHES) throw error;
    }
  }
}

/** The ports that the system chose, and those that were given. */
async function readPorts(
  folder: string,
  environment: Readonly<Record<string, string>>,
): Promise<TestDeployment['ports']> {
  const given = Object.fromEntries(PORT_VARIABLES.map((name) => [name, Number(environment[name])]));
  const file = join(folder, 'home/addresses.json');
  const chosen = existsSync(file) ? (JSON.parse(await readFile(file, 'utf8')) as object) : {};
  return { ...given, ...chosen } as TestDeployment['ports'];
}

/** The environment of a deployment of its own: nothing of the developer's deployment is touched. */
export function deploymentEnvironment(
  folder: string,
  more: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const { PATH = '', HOME = '' } = process.env;
  return {
    PATH,
    HOME,
    LOG_LEVEL: 'warn',
    ADUANA_HOME: join(folder, 'home'),
    CERTS_DIR: join(folder, 'certs'),
    ...Object.fromEntries(PORT_VARIABLES.map((name) => [name, '0'])),
    ...more,
  };
}

/** Runs `aduana ...args` to its end. */
export function runAduana(
  args: readonly string[],
  environment: Record<string, string>,
): Promise<CommandResult> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [MAIN, ...args],
      { cwd: ROOT, env: environment, maxBuffer: 64 * 1024 * 1024, timeout: LONGEST_WAIT_MS },
      (error, stdout, stderr) => {
        resolve({
          code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1,
          stdout,
          stderr,
        });
      },
    );
  });
}

async function untilReady(child: ChildProcess, chunks: readonly string[]): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string): void => {
      child.kill('SIGKILL');
      reject(new Error(`${why}; it printed:\n${chunks.join('')}`));
    };
    const timer = setTimeout(() => { fail('the deployment did not become ready'); }, LONGEST_WAIT_MS); // prettier-ignore
    child.stdout?.on('data', () => {
      if (!chunks.join('').includes('aduana ready')) return;
      clearTimeout(timer);
      resolve();
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      fail(`the deployment ended with ${String(code)}`);
    });
  });
}
