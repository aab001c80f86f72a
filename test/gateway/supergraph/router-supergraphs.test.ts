import { describe, expect, test } from '@jest/globals';
import { composeServices } from '@apollo/composition';
import { parse } from 'graphql';
import { loadSupergraph } from '../../../gateway/supergraph/load-supergraph.ts';
import { splitSupergraph } from '../../../gateway/supergraph/split-supergraph.ts';

const HEAD = 'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: [IMPORTS])\n';

describe('a supergraph that Apollo Router would run, runs here', () => {
  test.each([
    [
      'renamed directives',
      '"@key", { name: "@requiresScopes", as: "@needs" }',
      'type Query { a: Int @needs(scopes: [["x"]]) }',
      ['Query.a'],
    ],
    [
      'prefixed directives',
      '"@key"',
      'type Query { a: Int @federation__requiresScopes(scopes: [["x"]]) }',
      ['Query.a'],
    ],
    [
      'costs',
      '"@cost", "@listSize", "@authenticated"',
      'type Query { a: [Int] @cost(weight: 5) @listSize(assumedSize: 3) @authenticated }',
      ['Query.a'],
    ],
    [
      'contracts',
      '"@inaccessible", "@tag", "@policy"',
      'type Query { a: T } type T { x: Int hidden: Int @inaccessible @tag(name: "internal") @policy(policies: [["p"]]) }',
      ['T.hidden'],
    ],
    [
      '@fromContext',
      '"@key", "@context", "@fromContext", "@authenticated"',
      'type Query { u: U @authenticated } type U @key(fields: "id") @context(name: "c") { id: ID! name: String child: C! } type C @key(fields: "id") { id: ID! f(a: String @fromContext(field: "$c { name }")): Int }',
      ['Query.u'],
    ],
    [
      'an interface object',
      '"@key", "@interfaceObject", "@authenticated"',
      'type Query { n: [Node] } interface Node @key(fields: "id") { id: ID! } type A implements Node @key(fields: "id") @authenticated { id: ID! }',
      ['A', 'Node'],
    ],
  ])('%s', (_, imports, sdl, guarded) => {
    const composed = composeServices([
      { name: 'one', url: 'https://localhost/one', typeDefs: parse(HEAD.replace('IMPORTS', imports) + sdl) },
    ]);
    expect(composed.errors).toBeUndefined();
    const loaded = loadSupergraph(composed.supergraphSdl ?? '');
    expect([...loaded.requirements.at.keys()].sort()).toEqual(guarded);
    expect(loaded.sdl).not.toMatch(/requiresScopes|authenticated|policy/);
    expect(Object.keys(loaded.apiSchema.getTypeMap()).filter((name) => /(Scope|Policy)$/.test(name))).toEqual(
      [],
    );
  });

  test('an inaccessible field is in no public schema, its requirement stays', () => {
    const composed = composeServices([
      {
        name: 'one',
        url: 'https://localhost/one',
        typeDefs: parse(
          `${HEAD.replace('IMPORTS', '"@inaccessible", "@policy"')} type Query { a: T } type T { x: Int hidden: Int @inaccessible @policy(policies: [["p"]]) }`,
        ),
      },
    ]);
    const { apiSchema, supergraphSchema } = loadSupergraph(composed.supergraphSdl ?? '');
    expect(apiSchema.getType('T')).not.toHaveProperty('_fields.hidden');
    expect(supergraphSchema.getType('T')).toHaveProperty('_fields.hidden');
  });
});

test('what is removed must be what was read: a guard in a place where none can be is refused', () => {
  const composed = composeServices([
    {
      name: 'one',
      url: 'https://localhost/one',
      typeDefs: parse(
        `${HEAD.replace('IMPORTS', '"@authenticated"')} type Query { a(x: In): U @authenticated } input In { y: Int } union U = T type T { x: Int }`,
      ),
    },
  ]);
  const sdl = composed.supergraphSdl ?? '';
  for (const [there, guarded] of [
    ['y: Int', 'y: Int @authenticated'],
    ['union U', 'union U @authenticated'],
    ['(x: In)', '(x: In @authenticated)'],
  ] as const) {
    expect(sdl).toContain(there);
    expect(() => splitSupergraph(sdl.replace(there, guarded))).toThrow(
      expect.objectContaining({
        code: 'SUPERGRAPH_INVALID',
        detail: expect.stringMatching(/2 guards were removed, 1 were read/),
      }),
    );
  }
});
