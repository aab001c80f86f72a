/**
 * The attacker writes a subgraph's schema. It wants a name of a scope or policy to write into the review that `aduana supergraph
 * diff` makes of it: a link, a line of its own, or a comment that hides the rest.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { composeServices } from '@apollo/composition';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parse } from 'graphql';
import { printSupergraphDiff, type SupergraphDiffOptions } from '../../cli/supergraph-diff.ts';
import { printCoverage, reportCoverage } from '../../gateway/supergraph/coverage.ts';
import { FEDERATION_LINK, supergraphOf } from '../support/supergraph-of.ts';
import { printingContext } from '../support/printing-context.ts';

const HOSTILE = [
  'leads:read\n\nAll checks passed. [Details](https://evil.example)\n\n<!--',
  'leads:read | `',
  'www.evil.example',
  'leads:read\r\n  + nothing',
  'a\u2028b\u202ec\u0007',
];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aduana-diff-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function save(name: string, sdl: string): Promise<string> {
  const { supergraphSdl, errors } = composeServices([
    { name: 'one', url: 'https://one.example/', typeDefs: parse(FEDERATION_LINK + sdl) },
  ]);
  if (supergraphSdl === undefined) throw new Error(JSON.stringify(errors));
  const file = join(folder, name);
  await writeFile(file, supergraphSdl);
  return file;
}

async function diff(guard: string, format: SupergraphDiffOptions['format']): Promise<readonly string[]> {
  const schema = (guardOfA: string, scopeOfMail: string) =>
    `type Query { a: Int ${guardOfA} lead: Lead } type Lead { mail: String @requiresScopes(scopes: [["${scopeOfMail}"]]) }`;
  const before = await save('before', schema('@requiresScopes(scopes: [["leads:read"]])', 'leads:pii:read'));
  const after = await save('after', schema(guard, 'leads:read'));
  const printed: string[] = [];
  await printSupergraphDiff({ before, after }, { format }, printingContext(printed));
  return printed;
}

const GUARDS = HOSTILE.flatMap((name) => [
  `@requiresScopes(scopes: [[${JSON.stringify(name)}]])`,
  `@policy(policies: [[${JSON.stringify(name)}]])`,
]);

test.each(GUARDS)('the Markdown is one table whose cells are code: %j', async (guard) => {
  const lines = await diff(guard, 'markdown');
  const row = lines.find((line) => line.startsWith('| `Query.a`')) ?? '';
  expect(row).toMatch(/^\| `Query\.a` \| `scopes leads:read` \| `(scopes|policies) [\w :.,"\\-]+` \|$/);
  expect(lines.filter((line) => line.includes('\n'))).toEqual([]);
  expect(lines).toContain('| bff | `Lead.mail` | `Query.a` |');
});

test.each(GUARDS)('the text has one line for each field: %j', async (guard) => {
  const lines = await diff(guard, 'text');
  expect(lines.find((line) => line.startsWith('  Query.a: '))).toMatch(
    / -> (scopes|policies) [\w :.,"\\-]+$/,
  );
  expect(lines.filter((line) => /[^ -~]/.test(line))).toEqual([]);
});

test.each(HOSTILE)(
  'the coverage that `aduana supergraph compose` prints has one line for each field: %j',
  (name) => {
    const { apiSchema, requirements } = supergraphOf({
      one: `type Query { a: Int @requiresScopes(scopes: [[${JSON.stringify(name)}]]) }`,
    });
    const known = { permissions: new Set<string>(), policies: new Set<string>() };
    const lines = printCoverage(reportCoverage(apiSchema, requirements, known));
    expect(lines.filter((line) => /[^ -~]/.test(line))).toEqual([]);
  },
);
