import { accessSync, constants } from 'node:fs';
import { createServer } from 'node:net';
import { ConfigurationError, type ConfigurationProblem } from '@aduana/core/errors/configuration-error';
import type { ServiceSettings } from '@aduana/server-kit/config/service-settings';

/** Collects what keeps the deployment from starting, so that all of it is reported at once. */
export interface Preflight {
  /** Runs one check; its problems are kept, its value is undefined then. */
  try<Value>(check: () => Value | Promise<Value>): Promise<Value | undefined>;
  add(problem: ConfigurationProblem): void;
  /** @throws ConfigurationError when any problem was found */
  assertNone(): void;
}

export function createPreflight(): Preflight {
  const problems: ConfigurationProblem[] = [];
  const add = (problem: ConfigurationProblem): void => {
    const known = problems.some(
      (other) => other.subject === problem.subject && other.problem === problem.problem,
    );
    if (!known) problems.push(problem);
  };
  return {
    add,
    async try(check) {
      try {
        return await check();
      } catch (error) {
        if (!(error instanceof ConfigurationError)) throw error;
        error.problems.forEach(add);
        return undefined;
      }
    },
    assertNone() {
      if (problems.length > 0) throw new ConfigurationError(problems);
    },
  };
}

export interface WantedPort {
  readonly variable: string;
  readonly port: number | 'off';
}

/** Checks that the ports are free and not wanted twice. */
export async function checkPorts(
  preflight: Preflight,
  address: string,
  wanted: readonly WantedPort[],
): Promise<void> {
  const seen = new Map<number, string>();
  for (const { variable, port } of wanted) {
    if (port === 'off' || port === 0) continue;
    const other = seen.get(port);
    if (other !== undefined) {
      preflight.add({
        subject: variable,
        problem: `port ${String(port)} is already used by ${other}`,
        remedy: `Give ${variable} another port`,
      });
      continue;
    }
    seen.set(port, variable);
    const code = await probe(address, port);
    if (code !== undefined)
      preflight.add({
        subject: variable,
        problem: `port ${String(port)} on ${address} cannot be opened (${code})`,
        remedy: `Stop the program that uses this port, or set ${variable} to another port`,
      });
  }
}

/** Checks that a variable names a file that can be read. */
export function checkFile(preflight: Preflight, variable: string, path: string): void {
  if (/^https?:\/\//.test(path)) return; // fetched at start, not a file
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    if (variable === 'SUPERGRAPH_SDL' && (error as NodeJS.ErrnoException).code === 'ENOENT') {
      const remedy = 'Run `npx aduana supergraph compose`, which writes it';
      preflight.add({ subject: variable, problem: `${path} does not exist`, remedy });
      return;
    }
    preflight.add({
      subject: variable,
      problem: `${path} cannot be read`,
      remedy: `Let the user that runs Aduana read it, or set ${variable} to another file`,
    });
  }
}

/** The rules that span variables. */
export function checkBinding(
  preflight: Preflight,
  settings: ServiceSettings & { readonly GATEWAY_HTTP_PORT?: number | 'off' },
): void {
  if (['127.0.0.1', '::1', 'localhost'].includes(settings.BIND_ADDRESS)) return;
  if (!settings.MTLS_ENABLED)
    preflight.add({
      subject: 'MTLS_ENABLED',
      problem: 'mTLS may only be turned off on loopback',
      remedy: 'Set MTLS_ENABLED=true, or BIND_ADDRESS=127.0.0.1',
    });
  if (settings.GATEWAY_HTTP_PORT !== undefined && settings.GATEWAY_HTTP_PORT !== 'off')
    preflight.add({
      subject: 'GATEWAY_HTTP_PORT',
      problem: 'plain HTTP is only allowed on loopback',
      remedy: 'Set GATEWAY_HTTP_PORT=off, or BIND_ADDRESS=127.0.0.1',
    });
}

function probe(address: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? 'unknown');
    });
    server.listen({ host: address, port, exclusive: true }, () =>
      server.close(() => {
        resolve(undefined);
      }),
    );
  });
}
