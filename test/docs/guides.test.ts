import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type CodeBlock, codeBlocks, documents } from '../support/code-blocks.ts';
import { freePort, untilListening } from '../support/free-port.ts';
import { installPackages, linkOtherPackages } from '../support/installed-packages.ts';
import {
  deploymentEnvironment,
  startTestDeployment,
  type TestDeployment,
} from '../support/running-deployment.ts';

const GUIDE = codeBlocks('docs/first-subgraph.md');
const OTHER_SERVERS = codeBlocks('docs/other-servers.md');
const MOVED = codeBlocks('docs/guides/moving-a-subgraph.md');
const SERVERS = [
  'orders.js',
  ...MOVED.map(({ label }) => label),
  ...OTHER_SERVERS.map(({ label }) => label).filter((label) => label !== 'orders-schema.js'),
];
const RUNNABLE = documents()
  .flatMap(codeBlocks)
  .filter(({ label }) => label === 'runnable');

describe('what README and guides tell to type', () => {
  let folder: string;
  let environment: Record<string, string>;
  let deployment: TestDeployment;
  let port: number;

  beforeAll(async () => {
    // Outside of the project, with the packages as they are published.
    folder = await mkdtemp(join(tmpdir(), 'aduana-guides-'));
    await installPackages(folder);
    await linkOtherPackages(folder);
    environment = {
      POLICIES_DIR: join(folder, 'policies'),
      SUPERGRAPH_CONFIG: join(folder, 'gateway/supergraph.yaml'),
      SUPERGRAPH_SDL: join(folder, 'gateway/supergraph.graphql'),
      SCRATCH: folder,
      PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`,
    };
    await followGuide();
    await shell(blockOf('setup').code);
    deployment = await startTestDeployment({ folder, environment });
    for (const { label, code } of [blockOf('orders.js'), ...OTHER_SERVERS, ...MOVED])
      await writeFile(join(folder, label), inThisDeployment(code));
  });

  afterAll(async () => {
    await deployment.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** Does what the guide says, up to its commands; the port is one that is free here. */
  async function followGuide(): Promise<void> {
    port = await freePort();
    const codeOf = (label: string) => onPort(blockOf(label).code);
    await Promise.all(['policies', 'gateway', 'subgraphs', 'examples'].map((name) => copy(name)));
    await writeFile(join(folder, 'orders.graphql'), codeOf('orders.graphql'));
    await edit('policies/service_identities.yaml', 'services:\n', () => codeOf('service_identities.yaml'));
    await edit('gateway/supergraph.yaml', 'subgraphs:\n', () => codeOf('supergraph.yaml'));
    await edit(
      'policies/iam_policies.yaml',
      '    permissions: [leads:read, campaigns:read]\n',
      () => `${codeOf('iam_policies.yaml').trimEnd().split('\n').at(-1) ?? ''}\n`,
    );
    await mkdir(join(folder, 'bin'));
    const npx = `#!/bin/sh\nshift\nexec "${process.execPath}" "${resolve('dist/cli/main.js')}" "$@"\n`;
    await writeFile(join(folder, 'bin/npx'), npx);
    await chmod(join(folder, 'bin/npx'), 0o755);
  }

  function onPort(code: string): string {
    return code.replaceAll('8021', String(port));
  }

  /** With the addresses and the folder that are the guide's defaults. */
  function inThisDeployment(code: string): string {
    return onPort(code)
      .replaceAll('8022', '0')
      .replaceAll('localhost:8011', `localhost:${String(deployment.ports.STS_PORT)}`)
      .replaceAll("'certs/dev'", JSON.stringify(deploymentEnvironment(folder)['CERTS_DIR']));
  }

  function copy(name: string): Promise<void> {
    return cp(name, join(folder, name), { recursive: true });
  }

  async function edit(file: string, mark: string, change: () => string): Promise<void> {
    const path = join(folder, file);
    const text = await readFile(path, 'utf8');
    expect(text).toContain(mark);
    await writeFile(path, text.replace(mark, change()));
  }

  function blockOf(label: string): CodeBlock {
    const block = GUIDE.find((candidate) => candidate.label === label);
    if (block === undefined) throw new Error(`docs/first-subgraph.md has no block ${label}`);
    return block;
  }

  async function shell(code: string, more: Record<string, string> = {}): Promise<string> {
    const env = deploymentEnvironment(folder, { ...environment, ...more });
    const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', code], { env });
    return stdout;
  }

  test.each(RUNNABLE)(
    '$at does what it says',
    async ({ code }) => {
      expect(await shell(code, portsOf(deployment))).not.toBe('');
    },
    240_000,
  );

  test.each(SERVERS)(
    '%s, as the guide has it, is behind Aduana',
    async (file) => {
      const orders = startServer(file);
      try {
        await untilListening(port);
        expect(await ask()).toEqual({
          data: {
            leads: [{ company: 'Transportes Ebro', orders: [{ number: 'A-1001', totalEuros: null }] }],
          },
          errors: [
            {
              message: 'Unauthorized field or type',
              path: ['leads', '@', 'orders', '@', 'totalEuros'],
              extensions: { code: 'UNAUTHORIZED_FIELD_OR_TYPE' },
            },
          ],
        });
      } finally {
        orders.kill('SIGTERM');
        await once(orders, 'exit');
      }
    },
    240_000,
  );

  /** A server that has just started may not know the STS's keys yet. */
  async function ask(): Promise<unknown> {
    for (let attempt = 0; ; attempt += 1) {
      const answer = await shell(blockOf('ask').code, portsOf(deployment));
      if (attempt === 20 || !answer.includes('UNAVAILABLE')) return JSON.parse(answer);
    }
  }

  function startServer(file: string): ChildProcess {
    return spawn(process.execPath, [file], {
      cwd: folder,
      env: { PATH: process.env['PATH'], DATABASE_URL: 'mysql://host/db', LOG_LEVEL: 'trace' }, // the host's own
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }
});

function portsOf({ ports }: TestDeployment): Record<string, string> {
  return Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, String(port)]));
}
