import { conjoin, normalize } from '@aduana/subgraph/graphql/requirement';
import { extractRequirements } from '@aduana/subgraph/graphql/requirements';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'graphql';

const LINK = (imports: string, more = '') =>
  `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: [${imports}]${more})\n`;

describe('requirements are found by what @link calls the directives', () => {
  test.each([
    ['imported under their own names', `${LINK('"@authenticated"')} type Query { a: Int @authenticated }`],
    [
      'renamed by an import object',
      `${LINK('{ name: "@authenticated", as: "@login" }')} type Query { a: Int @login }`,
    ],
    ['not imported, by the prefix', `${LINK('"@key"')} type Query { a: Int @federation__authenticated }`],
    [
      'by a prefix of their own',
      `${LINK('"@key"', ', as: "fed"')} type Query { a: Int @fed__authenticated }`,
    ],
    [
      'in a supergraph, feature by feature',
      'schema @link(url: "https://specs.apollo.dev/link/v1.0") @link(url: "https://specs.apollo.dev/authenticated/v0.1", for: SECURITY) { query: Query } type Query { a: Int @authenticated }',
    ],
    [
      'in a supergraph, the feature renamed',
      'schema @link(url: "https://specs.apollo.dev/link/v1.0") @link(url: "https://specs.apollo.dev/authenticated/v0.1", as: "auth", for: SECURITY) { query: Query } type Query { a: Int @auth }',
    ],
    [
      'in a supergraph, the directive renamed',
      'schema @link(url: "https://specs.apollo.dev/link/v1.0") @link(url: "https://specs.apollo.dev/authenticated/v0.1", import: [{ name: "@authenticated", as: "@login" }], for: SECURITY) { query: Query } type Query { a: Int @login }',
    ],
    [
      'through a renamed @link',
      'schema @bind(url: "https://specs.apollo.dev/link/v1.0", as: "bind") @bind(url: "https://specs.apollo.dev/authenticated/v0.1") { query: Query } type Query { a: Int @authenticated }',
    ],
    [
      'through @core',
      'schema @core(feature: "https://specs.apollo.dev/core/v0.2") @core(feature: "https://specs.apollo.dev/authenticated/v0.1", for: SECURITY) { query: Query } type Query { a: Int @authenticated }',
    ],
    [
      'on an extension',
      `${LINK('"@authenticated"')} type Query { b: Int } extend type Query { a: Int @authenticated }`,
    ],
  ])('%s', (_, sdl) => {
    const { at, distinct, applications } = extractRequirements(parse(sdl));
    expect([...at.keys()]).toEqual(['Query.a']);
    expect(distinct).toEqual([{ authenticated: true, scopes: [], policies: [] }]);
    expect(applications).toBe(1);
  });

  test('on objects, interfaces, scalars, enums and fields; equal ones share a number', () => {
    const { at, distinct } = extractRequirements(
      parse(`${LINK('"@requiresScopes", "@policy"')}
        type Query { a: A @policy(policies: [["p"]]) }
        interface I @requiresScopes(scopes: [["x", "y"]]) { a: Int @requiresScopes(scopes: [["y", "x"], ["x", "y", "z"]]) }
        type A @requiresScopes(scopes: [["x", "y"]]) @policy(policies: [["p"]]) { a: S }
        scalar S @policy(policies: [["p"]])
        enum E @requiresScopes(scopes: [["x", "y"]]) { V }
      `),
    );
    expect(Object.fromEntries(at)).toEqual({ 'Query.a': 0, I: 1, 'I.a': 1, A: 2, S: 0, E: 1 });
    expect(distinct).toEqual([
      { authenticated: false, scopes: [], policies: [['p']] },
      { authenticated: true, scopes: [['x', 'y']], policies: [] },
      { authenticated: true, scopes: [['x', 'y']], policies: [['p']] },
    ]);
  });
});

describe('what would guard nothing, or something else than it seems, is refused', () => {
  test.each([
    ['a directive that is not imported', `${LINK('"@key"')} type Query { a: Int @authenticated }`],
    [
      'a directive that the document declares itself',
      `${LINK('"@key"')} directive @policy(policies: [[String]]) on FIELD_DEFINITION\n type Query { a: Int }`,
    ],
    ['a directive in a document without any link', 'type Query { a: Int @requiresScopes(scopes: [["x"]]) }'],
    [
      'a prefixed directive of a feature that was renamed',
      `${LINK('"@key"', ', as: "fed"')} type Query { a: Int @federation__policy(policies: [["p"]]) }`,
    ],
    [
      'a version that is not known',
      'schema @link(url: "https://specs.apollo.dev/policy/v0.2", for: SECURITY) { query: Query } type Query { a: Int }',
    ],
    ['an empty list', `${LINK('"@policy"')} type Query { a: Int @policy(policies: []) }`],
    ['an empty alternative', `${LINK('"@policy"')} type Query { a: Int @policy(policies: [["p"], []]) }`],
    [
      'a list of one level',
      `${LINK('"@requiresScopes"')} type Query { a: Int @requiresScopes(scopes: ["a", "b"]) }`,
    ],
    ['a name alone', `${LINK('"@requiresScopes"')} type Query { a: Int @requiresScopes(scopes: "a") }`],
    ['a number', `${LINK('"@requiresScopes"')} type Query { a: Int @requiresScopes(scopes: [[1]]) }`],
    ['an empty name', `${LINK('"@requiresScopes"')} type Query { a: Int @requiresScopes(scopes: [[""]]) }`],
    ['no argument', `${LINK('"@policy"')} type Query { a: Int @policy }`],
  ])('%s', (_, sdl) => {
    expect(() => extractRequirements(parse(sdl))).toThrow(
      expect.objectContaining({ code: 'SUPERGRAPH_INVALID' }),
    );
  });

  test('a directive of the same name that another specification brings is none of ours', () => {
    const sdl =
      'schema @link(url: "https://specs.apollo.dev/link/v1.0") @link(url: "https://example.com/policy/v1.0", import: ["@policy"]) { query: Query } directive @policy on FIELD_DEFINITION\n type Query { a: Int @policy }';
    expect(extractRequirements(parse(sdl)).at.size).toBe(0);
  });
});

test('both of two requirements hold: the product of their alternatives, without what another one implies', () => {
  expect(conjoin([['a'], ['b']], [['b'], ['c', 'd']])).toEqual([['a', 'c', 'd'], ['b']]);
  expect(conjoin([], [['b', 'b', 'a']])).toEqual([['a', 'b']]);
  expect(normalize([['a', 'b'], ['b', 'a'], ['a']])).toEqual([['a']]);
});
