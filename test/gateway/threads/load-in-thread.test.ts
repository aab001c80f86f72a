import { pathToFileURL } from 'node:url';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { afterEach, expect, test } from '@jest/globals';
import { parse, printSchema } from 'graphql';
import { composeSupergraph } from '../../../gateway/supergraph/compose-supergraph.ts';
import { loadSupergraph } from '../../../gateway/supergraph/load-supergraph.ts';
import type { OpenSupergraph } from '../../../gateway/supergraph/supergraph-manager.ts';
import { createLoadInThread } from '../../../gateway/threads/load-in-thread.ts';
import { createSystemClock } from '@aduana/core/platform/clock';

/** What `npm test` has built. */
const THREAD = pathToFileURL('dist/gateway/threads/planning-thread.js');
const LINK =
  'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable", "@inaccessible", "@tag", "@requires", "@external", "@requiresScopes", "@interfaceObject"])';
const COMPOSITION = composeSupergraph([
  {
    name: 'one', url: 'https://localhost/one', origin: 'one',
    sdl: `${LINK} "What there is." type Query { p(first: Int = 3): P @requiresScopes(scopes: [["p"]]) node: Node old: E @deprecated(reason: "no") }
      interface Node @key(fields: "id") { id: ID! } type P implements Node @key(fields: "id") @tag(name: "x") { id: ID! name: String @inaccessible size: Int }
      enum E { A B @deprecated } scalar Url @specifiedBy(url: "https://example.com") input I { a: [Int!] = [1] url: Url } type M { a(i: I): String }`,
  },
  {
    name: 'two', url: 'https://localhost/two', origin: 'two',
    sdl: `${LINK} type P @key(fields: "id") { id: ID! size: Int @external cost: Int @requires(fields: "size") }`,
  },
  {
    name: 'three', url: 'https://localhost/three', origin: 'three',
    sdl: `${LINK} type Node @interfaceObject @key(fields: "id") { id: ID! extra: String }`,
  },
]); // prettier-ignore
const SDL = COMPOSITION.ok ? COMPOSITION.sdl : JSON.stringify(COMPOSITION.problems);

const opened: OpenSupergraph[] = [];
afterEach(() => Promise.all(opened.splice(0).map(({ close }) => close())));

const load = createLoadInThread({
  threads: 1,
  jobMilliseconds: 120_000,
  unguardedFields: 'deny',
  file: THREAD,
  clock: createSystemClock(),
  log: createLog('silent', () => undefined),
});

test('what a thread loads, plans and finds wrong is what this thread would', async () => {
  const open = await load(SDL, new Map());
  opened.push(open);
  const { loaded } = open;
  const here = loadSupergraph(SDL, new Map(), { unguardedFields: 'deny' });
  const { apiSchema, supergraphSchema, findPlan: _a, federation: _b, planners: _c, ...rest } = here;
  expect(loaded).toMatchObject(rest);
  for (const [ours, theirs] of [
    [apiSchema, loaded.apiSchema],
    [supergraphSchema, loaded.supergraphSchema],
  ] as const) {
    expect(printSchema(theirs)).toBe(printSchema(ours));
    expect(Object.keys(theirs.getTypeMap())).toEqual(Object.keys(ours.getTypeMap()));
    for (const [name, type] of Object.entries(ours.getTypeMap()))
      expect(theirs.getType(name)?.astNode?.directives?.length).toBe(type.astNode?.directives?.length);
  }
  for (const text of ['{ p(first: 2) { cost } node { extra } old }', '{ node { id ... on P { size } } }']) {
    const document = parse(text);
    expect(await loaded.findPlan({ document, overrides: [] })).toEqual(
      here.findPlan({ document, overrides: [] }),
    );
  }
  const account = { owner: 'a', require: () => undefined, charge: () => undefined };
  expect(await loaded.findErrors?.('{ p { size } }', 1, account)).toEqual([]);
  const found = await loaded.findErrors?.('{ p { siz } }', 5, account);
  expect(found).toEqual([{ message: 'Cannot query field "siz" on type "P".', positions: [6] }]);
  expect(await loaded.findErrors?.('{ p { siz } }', 5, account, loaded.apiSchema)).toEqual(found);
});

test('an SDL that does not load is refused in the words that it has here', async () => {
  await expect(load('type Query { a: Int }', new Map())).rejects.toMatchObject({
    code: 'SUPERGRAPH_INVALID',
  });
});
