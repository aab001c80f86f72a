import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { beforeEach, afterEach, describe, expect, test } from '@jest/globals';
import { Command } from 'commander';
import { CommandFailure } from '../../cli/command-context.ts';
import { registerSupergraph } from '../../cli/supergraph.ts';
import { createFakeClock } from '../support/fake-clock.ts';

const LINK =
  'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@requiresScopes", "@policy"])\n';
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'aduana-compose-'));
  await cp('policies', path.join(folder, 'policies'), { recursive: true });
  await writeFile(
    path.join(folder, 'supergraph.yaml'),
    'subgraphs: { one: { routing_url: "https://localhost:${LEADS_PORT}/", schema: { file: one.graphql }, aduana: { audience: leads } } }\n',
  );
  await schema('type Query { a: Int @requiresScopes(scopes: [["leads:read"]]) b: Int }');
});
afterEach(() => rm(folder, { recursive: true }));

describe('aduana supergraph compose', () => {
  test('writes the SDL and shows what each root field needs', async () => {
    const { printed } = await run();
    expect(await readFile(path.join(folder, 'supergraph.graphql'), 'utf8')).toContain(
      'https://localhost:8014/',
    );
    expect(printed.join('\n')).toMatch(
      /Query\.a +guarded +scopes leads:read\nQuery\.b +open\n1 of 2 root fields have a requirement; without: Query\.b/,
    );
  });

  test('--json prints the same as data', async () => {
    const { printed } = await run('--json');
    expect(JSON.parse(printed.join(''))).toMatchObject({
      uncovered: ['Query.b'],
      unknownScopes: [],
      unusedPolicies: expect.arrayContaining(['office_hours']),
    });
  });

  test('--check writes nothing, and names the coordinates of a stale SDL; other ports are none', async () => {
    await expect(run('--check')).rejects.toThrow(/is missing/);
    await run();
    await run('--check');
    await schema('type Query { a: Int @requiresScopes(scopes: [["leads:write"]]) b: Int }');
    await expect(run('--check')).rejects.toThrow(/stale at Query\.a\n  -> Run/);
  });

  test('a lost guard leaves the old SDL in place and names the subgraph', async () => {
    await run();
    const before = await readFile(path.join(folder, 'supergraph.graphql'), 'utf8');
    await schema('type Query { a: Int @authenticated b: Int }');
    const printed: string[] = [];
    await expect(run('--json', printed)).rejects.toThrow(CommandFailure);
    expect(JSON.parse(printed.join(''))).toMatchObject({
      problems: [
        {
          where: expect.stringContaining('one.graphql'),
          problem: expect.stringContaining('@authenticated (line 2)'),
        },
      ],
    });
    expect(await readFile(path.join(folder, 'supergraph.graphql'), 'utf8')).toBe(before);
  });

  test('a subgraph that is no service is an error, with the entry to add, and nothing is written', async () => {
    const config = path.join(folder, 'supergraph.yaml');
    await writeFile(config, (await readFile(config, 'utf8')).replace('audience: leads', 'audience: reviews'));
    const printed: string[] = [];
    await expect(run(undefined, printed)).rejects.toThrow(/nothing was written/);
    expect(printed.join('\n')).toContain('reviews: { spiffe_id: spiffe://aduana.local/reviews,');
    await expect(readFile(path.join(folder, 'supergraph.graphql'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('the SDL is there before the first line is printed: whoever reads may have read enough', async () => {
    const printed = {
      push(): never {
        throw Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
      },
    } as unknown as string[];
    await expect(run(undefined, printed)).rejects.toThrow('EPIPE');
    expect(await readFile(path.join(folder, 'supergraph.graphql'), 'utf8')).toContain('type Query');
  });

  test('a scope or a policy that nobody defined is reported', async () => {
    await schema(
      'type Query { a: Int @requiresScopes(scopes: [["no:such"]]) b: Int @policy(policies: [["no_such"]]) }',
    );
    const { printed } = await run();
    expect(printed.join('\n')).toMatch(/nobody can hold: no:such\n.*not defined.*: no_such/);
  });
});

async function schema(sdl: string): Promise<void> {
  await writeFile(path.join(folder, 'one.graphql'), LINK + sdl);
}

async function run(option?: string, printed: string[] = []) {
  const program = new Command('aduana').exitOverride();
  registerSupergraph(program, {
    environment: {
      SUPERGRAPH_CONFIG: path.join(folder, 'supergraph.yaml'),
      SUPERGRAPH_SDL: path.join(folder, 'supergraph.graphql'),
      POLICIES_DIR: path.join(folder, 'policies'),
    },
    clock: createFakeClock(),
    log: createLog('silent', () => undefined),
    print: (line) => void printed.push(line),
    printError: (line) => void printed.push(line),
  });
  await program.parseAsync(['supergraph', 'compose', ...(option === undefined ? [] : [option])], {
    from: 'user',
  });
  return { printed };
}
