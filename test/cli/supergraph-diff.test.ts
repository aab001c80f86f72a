import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { printSupergraphDiff, type SupergraphDiffOptions } from '../../cli/supergraph-diff.ts';
import { composeSupergraph } from '../../gateway/supergraph/compose-supergraph.ts';
import { printingContext } from '../support/printing-context.ts';

const LINK =
  'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@authenticated", "@requiresScopes", "@policy"])\n';
const BEFORE = `${LINK} type Query {
  a: Int @requiresScopes(scopes: [["leads:read"]])
  b: Int @requiresScopes(scopes: [["leads:pii:read"]])
  c: Int @authenticated
  gone: Int @authenticated
}`;
const AFTER = `${LINK} type Query {
  a: Int @requiresScopes(scopes: [["leads:pii:read"], ["campaigns:read"]])
  b: Int @requiresScopes(scopes: [["leads:read"]])
  c: Int
  new: Int @policy(policies: [["admin_office_hours"]])
}`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'aduana-diff-'));
  await save('before.graphql', BEFORE);
  await save('after.graphql', AFTER);
  await writeFile(path.join(folder, 'broken.graphql'), 'type Query { a: Int }');
});
afterAll(() => rm(folder, { recursive: true }));

async function save(name: string, sdl: string): Promise<void> {
  const composition = composeSupergraph([{ name: 'one', url: 'https://one.example/', sdl, origin: name }]);
  if (!composition.ok) throw new Error(JSON.stringify(composition.problems));
  await writeFile(path.join(folder, name), composition.sdl);
}

async function diff(
  before: string,
  after: string,
  options: Partial<SupergraphDiffOptions> = {},
  printed: string[] = [],
): Promise<string> {
  await printSupergraphDiff(
    { before: path.join(folder, before), after: path.join(folder, after) },
    { format: 'text', ...options },
    printingContext(printed),
  );
  return printed.join('\n');
}

describe('aduana supergraph diff', () => {
  test('names what is new, gone and unguarded, and what each role wins and loses', async () => {
    const report = JSON.parse(await diff('before.graphql', 'after.graphql', { format: 'json' })) as {
      roles: { role: string; won: string[]; lost: string[] }[];
    };
    expect(report).toMatchObject({
      added: ['Query.new'],
      removed: ['Query.gone'],
      newlyUnguarded: ['Query.c'],
      changed: [
        {
          coordinate: 'Query.a',
          before: 'scopes leads:read',
          after: 'scopes campaigns:read | leads:pii:read',
        },
        { coordinate: 'Query.b', before: 'scopes leads:pii:read', after: 'scopes leads:read' },
        { coordinate: 'Query.c', before: 'authenticated', after: 'open' },
      ],
    });
    expect(report.roles.find(({ role }) => role === 'bff')).toEqual({
      role: 'bff',
      won: ['Query.b'],
      lost: ['Query.gone'],
    });
    expect(report.roles.find(({ role }) => role === 'admin')?.won).toContain('Query.new');
  });

  test('the Markdown for a pull request keeps an OR inside its cell', async () => {
    const markdown = await diff('before.graphql', 'after.graphql', { format: 'markdown' });
    expect(markdown).toContain(
      '| `Query.a` | `scopes leads:read` | `scopes campaigns:read \\| leads:pii:read` |',
    );
    expect(markdown).toContain('| bff | `Query.b` | `Query.gone` |');
  });

  test('--exit-code is 1 where something opens, 0 where nothing does', async () => {
    const printed: string[] = [];
    await expect(diff('before.graphql', 'after.graphql', { exitCode: true }, printed)).rejects.toMatchObject({
      exitCode: 1,
    });
    expect(printed.join('\n')).toMatch(/NEWLY UNGUARDED/);
    expect(await diff('before.graphql', 'before.graphql', { exitCode: true })).toBe(
      'nothing changes for anybody',
    );
  });

  test('a file that is no supergraph is refused by name', async () => {
    await expect(diff('before.graphql', 'broken.graphql')).rejects.toMatchObject({
      problems: [{ subject: expect.stringMatching(/broken\.graphql$/) }],
    });
    await expect(diff('nowhere.graphql', 'before.graphql')).rejects.toMatchObject({
      problems: [{ problem: 'cannot be read' }],
    });
  });
});
