import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MAIN = join(ROOT, 'dist/cli/main.js');
const START_TIMEOUT_MS = 60_000;
const PORT_VARIABLES = [
  'GATEWAY_HTTP_PORT',
  'GATEWAY_TLS_PORT',
  'STS_PORT',
  'AUDIT_PORT',
  'ADMIN_PORT',
  'LEADS_PORT',
] as const;

type PortVariable = (typeof PORT_VARIABLES)[number];

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The built house in a process of its own, as `npm start` runs it, on ports that the system chose. */
export interface TestHouse {
  readonly process: ChildProcess;
  readonly folder: string;
  readonly ports: Readonly<Record<PortVariable, number>>;
  /** What it has printed to standard output and standard error so far. */
  output(): string;
  /** Runs `aduana ...args` against this house. */
  aduana(...args: string[]): Promise<CommandResult>;
  /** Sends SIGINT and waits; answers the exit code. */
  stop(): Promise<number | null>;
}

export interface HouseOptions {
  readonly args?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** A folder of an earlier house, to start it again. */
  readonly folder?: string;
}

/** Starts the house and waits for `aduana ready`; the folder is removed by `stop` unless it was given. */
export async function startTestHouse(options: HouseOptions = {}): Promise<TestHouse> {
  if (!existsSync(MAIN)) throw new Error('dist/ is missing: run `npm run build` first');
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'aduana-')));
  const environment = houseEnvironment(folder, options.environment);
  const child = spawn(process.execPath, [MAIN, 'up', ...(options.args ?? [])], {
    cwd: ROOT,
    env: environment,
  });
  const chunks: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
  await untilReady(child, chunks);
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

/** The ports that the system chose, and those that were given. */
async function readPorts(
  folder: string,
  environment: Readonly<Record<string, string>>,
): Promise<TestHouse['ports']> {
  const given = Object.fromEntries(PORT_VARIABLES.map((name) => [name, Number(environment[name])]));
  const file = join(folder, 'home/addresses.json');
  const chosen = existsSync(file) ? (JSON.parse(await readFile(file, 'utf8')) as object) : {};
  return { ...given, ...chosen } as TestHouse['ports'];
}

/** The environment of a house of its own: nothing of the developer's house is touched. */
export function houseEnvironment(
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
      { cwd: ROOT, env: environment, maxBuffer: 64 * 1024 * 1024, timeout: START_TIMEOUT_MS },
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
    const timer = setTimeout(() => { fail('the house did not become ready'); }, START_TIMEOUT_MS); // prettier-ignore
    child.stdout?.on('data', () => {
      if (!chunks.join('').includes('aduana ready')) return;
      clearTimeout(timer);
      resolve();
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      fail(`the house ended with ${String(code)}`);
    });
  });
}
