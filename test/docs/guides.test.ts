import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type CodeBlock, codeBlocks, documents } from '../support/code-blocks.ts';
import { houseEnvironment, startTestHouse, type TestHouse } from '../support/running-house.ts';

const GUIDE = codeBlocks('docs/first-subgraph.md');
const RUNNABLE = documents()
  .flatMap(codeBlocks)
  .filter(({ label }) => label === 'runnable');

describe('what README and guides tell to type', () => {
  let folder: string;
  let environment: Record<string, string>;
  let house: TestHouse;
  let orders: ChildProcess | undefined;

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
    orders = spawn(process.execPath, ['orders.js'], {
      cwd: folder,
      env: houseEnvironment(folder, { ...environment, ...portsOf(house) }),
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }, 120_000);

  afterAll(async () => {
    orders?.kill('SIGTERM');
    await house.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** Does what the guide says, up to its commands; the port is one that is free here. */
  async function followGuide(): Promise<void> {
    const port = String(await freePort());
    const codeOf = (label: string) => blockOf(label).code.replaceAll('8021', port);
    await Promise.all(['policies', 'gateway', 'subgraphs', 'examples'].map((name) => copy(name)));
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    await writeFile(join(folder, 'orders.js'), codeOf('orders.js'));
    await writeFile(join(folder, 'orders.graphql'), codeOf('orders.graphql'));
    await writeFile(join(folder, 'gateway/orders.graphql'), codeOf('orders.graphql'));
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

  test('a service that follows the first guide is behind Aduana', async () => {
    const ask = async () => JSON.parse(await shell(blockOf('ask').code, portsOf(house))) as unknown;
    let answer = await ask();
    for (let attempt = 0; attempt < 20 && JSON.stringify(answer).includes('UNAVAILABLE'); attempt += 1)
      answer = await ask(); // the subgraph has just been started
    expect(answer).toEqual({
      data: { leads: [{ company: 'Transportes Ebro', orders: [{ number: 'A-1001', totalEuros: null }] }] },
      errors: [
        {
          message: 'Unauthorized field or type',
          path: ['leads', '@', 'orders', '@', 'totalEuros'],
          extensions: { code: 'UNAUTHORIZED_FIELD_OR_TYPE' },
        },
      ],
    });
  }, 60_000);
});

function portsOf({ ports }: TestHouse): Record<string, string> {
  return Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, String(port)]));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await promisify(server.close.bind(server))();
  return port;
}
