import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { composeSupergraph, type SubgraphSource } from '../../../gateway/supergraph/compose-supergraph.ts';
import { printCoverage } from '../../../gateway/supergraph/coverage.ts';
import { readSubgraphs } from '../../../gateway/supergraph/read-subgraphs.ts';
import { readSupergraphConfig } from '../../../gateway/supergraph/supergraph-config.ts';
import { splitSupergraph } from '../../../gateway/supergraph/split-supergraph.ts';
import { FEDERATION_LINK } from '../../support/supergraph-of.ts';

const PORTS = { STS_PORT: '8011', AUDIT_PORT: '8012', ADMIN_PORT: '8013', LEADS_PORT: '8014' };

test('the committed supergraph is what its subgraphs compose to, every root field with a requirement', async () => {
  const config = await readSupergraphConfig('gateway/supergraph.yaml', {
    variables: PORTS,
    allowPlainLoopback: false,
  });
  const composition = composeSupergraph(await readSubgraphs(config));
  if (!composition.ok) throw new Error(JSON.stringify(composition.problems));
  expect(composition.sdl).toBe(await readFile('gateway/supergraph.graphql', 'utf8'));
  expect(composition.report.uncovered).toEqual([]);
  expect(printCoverage(composition.report)).toContain(
    '100 % of root fields and mutations have a requirement',
  );
});

describe('composition', () => {
  test('joins what several subgraphs ask for one coordinate by AND, without a complaint', () => {
    const { requirements } = splitSupergraph(
      compose(
        'type Query { a: T @shareable } type T @key(fields: "id") { id: ID! x: Int @shareable @requiresScopes(scopes: [["a"], ["b"]]) }',
        'type Query { b: T } type T @key(fields: "id") { id: ID! x: Int @shareable @requiresScopes(scopes: [["b"], ["c"]]) }',
      ),
    );
    expect(requirements.distinct[requirements.at.get('T.x') ?? -1]?.scopes).toEqual([['a', 'c'], ['b']]);
  });

  test('copies what implementers ask for to their interface', () => {
    const { requirements } = splitSupergraph(
      compose(
        'type Query { i: I } interface I { x: Int } type A implements I @policy(policies: [["p"]]) { x: Int @authenticated } type B implements I { x: Int }',
      ),
    );
    expect(requirements.distinct[requirements.at.get('I') ?? -1]?.policies).toEqual([['p']]);
    expect(requirements.distinct[requirements.at.get('I.x') ?? -1]?.authenticated).toBe(true);
  });

  test.each([
    ['does not import the directive', 'type Query { a: Int @federation__nothing }', FEDERATION_LINK],
    [
      'declares the directive itself',
      'directive @authenticated on FIELD_DEFINITION\ntype Query { a: Int @authenticated }',
      'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])\n',
    ],
    [
      'guards an interface',
      'type Query { a: I } interface I @authenticated { x: Int } type A implements I { x: Int }',
      FEDERATION_LINK,
    ],
    [
      'reaches a guarded field by @requires without the guard',
      'type Query { t: T } type T @key(fields: "id") { id: ID! x: Int @external y: Int @requires(fields: "x") }',
      FEDERATION_LINK,
    ],
    ['asks for an empty list', 'type Query { a: Int @policy(policies: []) }', FEDERATION_LINK],
    ['is not GraphQL', 'type Query {', FEDERATION_LINK],
  ])('refuses a subgraph that %s, and names it or the coordinate', (_, sdl, link) => {
    const other =
      'type Query { other: Int } type T @key(fields: "id") { id: ID! x: Int @requiresScopes(scopes: [["a"]]) }';
    const composition = composeSupergraph([source('bad', sdl, link), source('other', other)]);
    expect(composition.ok).toBe(false);
    if (!composition.ok)
      expect(composition.problems.map(({ where, problem }) => `${where} ${problem}`).join('\n')).toMatch(
        /bad|T\.y|I/,
      );
  });

  test('refuses the same directive under two names', () => {
    const renamed =
      'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: [{ name: "@authenticated", as: "@login" }])\n';
    const composition = composeSupergraph([
      source('one', 'type Query { a: Int @authenticated }'),
      source('two', 'type Query { b: Int @login }', renamed),
    ]);
    expect(composition).toMatchObject({ ok: false });
  });

  test('keeps a guard that both subgraphs call by another name', () => {
    const renamed =
      'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: [{ name: "@authenticated", as: "@login" }])\n';
    const composition = composeSupergraph([source('one', 'type Query { a: Int @login }', renamed)]);
    if (!composition.ok) throw new Error(JSON.stringify(composition.problems));
    const { sdl, requirements } = splitSupergraph(composition.sdl);
    expect([...requirements.at.keys()]).toEqual(['Query.a']);
    expect(sdl).not.toMatch(/login|SECURITY\)/);
  });

  test('tells of names that the SDL and the policies do not share', () => {
    const composition = composeSupergraph(
      [
        source(
          'one',
          'type Query { a: Int @requiresScopes(scopes: [["x"]]) b: Int @policy(policies: [["p"]]) c: Int }',
        ),
      ],
      { permissions: new Set(['y']), policies: new Set(['q']) },
    );
    if (!composition.ok) throw new Error(JSON.stringify(composition.problems));
    expect(composition.report).toMatchObject({
      uncovered: ['Query.c'],
      unknownScopes: ['x'],
      unknownPolicies: ['p'],
      unusedPermissions: ['y'],
      unusedPolicies: ['q'],
    });
  });
});

function compose(...sdls: string[]): string {
  const composition = composeSupergraph(sdls.map((sdl, index) => source(`s${String(index)}`, sdl)));
  if (!composition.ok) throw new Error(JSON.stringify(composition.problems));
  return composition.sdl;
}

function source(name: string, sdl: string, link = FEDERATION_LINK): SubgraphSource {
  return { name, url: `https://localhost/${name}`, sdl: link + sdl, origin: `${name}.graphql` };
}
