import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type CodeBlock, codeBlocks, documents } from '../support/code-blocks.ts';
import { freePort, untilListening } from '../support/free-port.ts';
import { houseEnvironment, startTestHouse, type TestHouse } from '../support/running-house.ts';

const GUIDE = codeBlocks('docs/first-subgraph.md');
const OTHER_SERVERS = codeBlocks('docs/other-servers.md');
const SERVERS = [
  'orders.js',
  ...OTHER_SERVERS.map(({ label }) => label).filter((label) => label !== 'orders-schema.js'),
];
const RUNNABLE = documents()
  .flatMap(codeBlocks)
  .filter(({ label }) => label === 'runnable');

describe('what README and guides tell to type', () => {
  let folder: string;
  let environment: Record<string, string>;
  let house: TestHouse;
  let port: number;

  beforeAll(async () => {
    // Within the project, so that the guide's imports are found as in a project of one's own.
    await mkdir('node_modules/.cache', { recursive: true });
    folder = await mkdtemp(resolve('node_modules/.cache/guides-'));
    environment = {
      POLICIES_DIR: join(folder, 'policies'),
      SUPERGRAPH_CONFIG: join(folder, 'gateway/supergraph.yaml'),
      SUPERGRAPH_SDL: join(folder, 'gateway/supergraph.graphql'),
      SCRATCH: folder,
      PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`,
    };
    await followGuide();
    await shell(blockOf('setup').code);
    house = await startTestHouse({ folder, environment });
  }, 120_000);

  afterAll(async () => {
    await house.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** Does what the guide says, up to its commands; the port is one that is free here. */
  async function followGuide(): Promise<void> {
    port = await freePort();
    const codeOf = (label: string) => onPort(blockOf(label).code);
    await Promise.all(['policies', 'gateway', 'subgraphs', 'examples'].map((name) => copy(name)));
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    await writeFile(join(folder, 'orders.js'), codeOf('orders.js'));
    for (const { label, code } of OTHER_SERVERS) await writeFile(join(folder, label), onPort(code));
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

  function copy(name: string): Promise<void> {
    const filter = (path: string) => !path.includes('node_modules/.cache/guides-') || path.startsWith(folder);
    return cp(name, join(folder, name), { recursive: true, filter });
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
    const env = houseEnvironment(folder, { ...environment, ...more });
    const { stdout } = await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', code], { env });
    return stdout;
  }

  test.each(RUNNABLE)(
    '$at does what it says',
    async ({ code }) => {
      expect(await shell(code, portsOf(house))).not.toBe('');
    },
    60_000,
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
    60_000,
  );

  /** A server that has just started may not know the STS's keys yet. */
  async function ask(): Promise<unknown> {
    for (let attempt = 0; ; attempt += 1) {
      const answer = await shell(blockOf('ask').code, portsOf(house));
      if (attempt === 20 || !answer.includes('UNAVAILABLE')) return JSON.parse(answer);
    }
  }

  function startServer(file: string): ChildProcess {
    return spawn(process.execPath, [file], {
      cwd: folder,
      env: houseEnvironment(folder, { ...environment, ...portsOf(house) }),
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }
});

function portsOf({ ports }: TestHouse): Record<string, string> {
  return Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, String(port)]));
}
