import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createMetrics } from '@aduana/server-kit/platform/create-metrics';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { composeSupergraph } from '../../../gateway/supergraph/compose-supergraph.ts';
import { parseSupergraphConfig } from '../../../gateway/supergraph/supergraph-config.ts';
import { recordSupergraph } from '../../../gateway/supergraph/record-supergraph.ts';
import { createFileSource } from '../../../gateway/supergraph/supergraph-source.ts';
import { openSupergraphManager } from '../../../gateway/supergraph/supergraph-manager.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { FEDERATION_LINK } from '../../support/supergraph-of.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'aduana-supergraph-'));
});
afterAll(() => rm(folder, { recursive: true }));

const OPEN = compose('type Query { a: Int }');
const GUARDED = compose('type Query { a: Int @requiresScopes(scopes: [["x"]]) }');

describe('the supergraph follows its file', () => {
  test('a change of requirements alone is a change, in one step with all that belongs to it', async () => {
    const { manager, write } = await open(OPEN);
    const before = manager.current();
    const told: string[] = [];
    manager.onUpdate((next) => {
      expect(manager.current()).toBe(next);
      told.push(next.hash);
    });
    await write(GUARDED);
    await manager.reload();
    const after = manager.current();
    expect(after.hash).not.toBe(before.hash);
    expect(after.sdl).toBe(before.sdl);
    expect([before.requirements.at.size, after.requirements.at.size]).toEqual([0, 1]);
    expect(told).toEqual([after.hash]);
    expect(await manager.reload()).toBe('unchanged');
    await manager.stop();
  });

  test.each([
    ['is no GraphQL', 'type Query {'],
    ['is no supergraph', 'type Query { a: Int }'],
    [
      'lost the import of a guard',
      GUARDED.replace(/@link\(url: "https:\/\/specs.apollo.dev\/requiresScopes[^)]*\)/, ''),
    ],
    ['holds an empty requirement', GUARDED.replace('[["x"]]', '[[]]')],
    [
      'needs a security feature that nobody enforces',
      OPEN.replace(
        '@link(url: "https://specs.apollo.dev/link/v1.0")',
        '@link(url: "https://specs.apollo.dev/link/v1.0") @link(url: "https://example.com/vault/v1.0", for: SECURITY)',
      ),
    ],
  ])('one that %s leaves the last good one in force', async (_, sdl) => {
    const { manager, write } = await open(GUARDED);
    const before = manager.current();
    await write(sdl);
    expect(await manager.reload()).toBe('refused');
    expect(manager.current()).toBe(before);
    await write(OPEN);
    await manager.reload();
    expect(manager.current().requirements.at.size).toBe(0);
    await manager.stop();
  });

  test('each version that comes into force or is refused is recorded with its source', async () => {
    const { manager, write } = await open(OPEN);
    const events: unknown[] = [];
    recordSupergraph(
      manager,
      {
        record: ({ type, outcome, detail }) =>
          Promise.resolve(String(events.push({ type, outcome, detail }))),
      },
      platform(),
    );
    const { hash: first } = manager.current();
    await write(GUARDED);
    await manager.reload();
    const { hash: second } = manager.current();
    await write('type Query {');
    await manager.reload();
    const type = 'supergraph.load';
    const { source } = manager;
    expect(events).toEqual([
      { type, outcome: 'ALLOWED', detail: { source, sha256: second, previous: first } },
      { type, outcome: 'FAILED', detail: { source, previous: second, problem: expect.any(String) } },
    ]);
    await manager.stop();
  });

  test('is found by polling where nothing can be watched', async () => {
    const { manager, write, clock } = await open(OPEN);
    const updated = new Promise((resolve) => {
      manager.onUpdate(resolve);
    });
    await write(GUARDED);
    await clock.advance(2_000);
    await updated;
    expect(manager.current().requirements.at.size).toBe(1);
    await manager.stop();
  });

  test('the first one must be good', async () => {
    await expect(open('type Query { a: Int }')).rejects.toMatchObject({ code: 'SUPERGRAPH_INVALID' });
  });

  test('URLs come from the configuration, not from the SDL', async () => {
    const { subgraphs } = parseSupergraphConfig(
      'subgraphs: { one: { routing_url: "https://localhost:${PORT}/graphql", schema: { file: one.graphql }, aduana: { audience: other, headers: [X-Tenant], timeout_ms: 100, client_certificate: false } } }',
      'supergraph.yaml',
      { variables: { PORT: '8111' }, allowPlainLoopback: false },
    );
    const file = path.join(folder, 'urls.graphql');
    await writeFile(file, OPEN);
    const manager = await openSupergraphManager({
      source: createFileSource(file),
      subgraphs,
      platform: platform(),
    });
    expect(manager.current().subgraphs.get('one')).toMatchObject({
      url: 'https://localhost:8111/graphql',
      audience: 'other',
      timeoutMs: 100,
      clientCertificate: false,
    });
    await manager.stop();
  });
});

async function open(sdl: string) {
  const clock = createFakeClock();
  const file = path.join(folder, `${String(opened.push(sdl))}.graphql`);
  const write = async (text: string) => {
    await writeFile(`${file}.next`, text);
    await rename(`${file}.next`, file);
  };
  await write(sdl);
  const manager = await openSupergraphManager({
    source: createFileSource(file),
    subgraphs: new Map(),
    platform: { ...platform(), clock },
  });
  return { manager, write, clock };
}

const opened: string[] = [];

function platform() {
  return { clock: createFakeClock(), log: createLog('silent', () => undefined), metrics: createMetrics() };
}

function compose(sdl: string): string {
  const composition = composeSupergraph([
    { name: 'one', url: 'https://localhost/one', origin: 'one', sdl: FEDERATION_LINK + sdl },
  ]);
  if (!composition.ok) throw new Error(JSON.stringify(composition.problems));
  return composition.sdl;
}
