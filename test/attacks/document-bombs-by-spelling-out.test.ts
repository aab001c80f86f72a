import { createSystemClock } from '@aduana/core/platform/clock';
import { expect, test } from '@jest/globals';
import { createAuthorizer } from '../../gateway/authorize/create-authorizer.ts';
import { cpuMilliseconds } from '../support/cpu-milliseconds.ts';
import { rightsOf, validatedOf } from '../support/guarded-federation.ts';
import { supergraphOf } from '../support/supergraph-of.ts';

// The attacker: any caller, where a fragment on another abstract type is spelled out for each type of an interface object.
const types = ['M0', 'M1', 'M2'].map(
  (name) =>
    `type ${name} implements Media & Rated @key(fields: "id") { id: ID! related: Media stars(of: String): Int }`,
);
const supergraph = supergraphOf({
  a: `type Query { media: Media } interface Rated { stars(of: String): Int related: Media }
    interface Media @key(fields: "id") { id: ID! related: Media } ${types.join(' ')}`,
  b: 'type Media @key(fields: "id") @interfaceObject { id: ID! reviews: Int }',
});
const caller = { authenticated: true, scopes: [], policies: [] };
const authorize = createAuthorizer({ clock: createSystemClock(), mode: 'filter' });

const nest = (depth: number, leaf: string): string =>
  depth === 0 ? leaf : `related { ... on Rated { ${nest(depth - 1, leaf)} } }`;
const rewrite = (depth: number, leaf: string) =>
  authorize(
    validatedOf({ document: `{ media { ... on Rated { ${nest(depth, leaf)} } } }`, caller }),
    supergraph,
    rightsOf(caller),
  );
const REFUSAL = expect.objectContaining({ code: 'LIMIT_PLANNING_EXCEEDED', status: 400 });

test('fragments that are spelled out level within level are refused before they are copied', async () => {
  const spent = await cpuMilliseconds(() => {
    for (const depth of [8, 9, 11]) expect(() => rewrite(depth, 'stars')).toThrow(REFUSAL);
  });
  expect(spent).toBeLessThan(1000);
});

test.each([
  ['an argument', `stars(of: "${'x'.repeat(100_000)}")`],
  ['an alias', `${'x'.repeat(100_000)}: stars`],
])('%s of long text is not copied without measure either', async (_, leaf) => {
  const spent = await cpuMilliseconds(() => {
    expect(() => rewrite(5, leaf)).toThrow(REFUSAL);
  });
  expect(spent).toBeLessThan(1000);
});

test('a few levels, and long text once, are spelled out for each type', () => {
  const { document, operationLength } = rewrite(3, 'stars');
  expect(document).toBeDefined();
  expect(operationLength).toBeGreaterThan(3 ** 4 * 'stars'.length);
  expect(rewrite(0, `stars(of: "${'x'.repeat(100_000)}")`).operationLength).toBeGreaterThan(300_000);
});
