import { describe, expect, it } from '@jest/globals';
import { parse } from 'graphql';
import { createFindPlan } from '../../../gateway/planner/operation-planner.ts';
import { openFederation } from '../../support/federation.ts';
import { createTestExecutor } from '../../support/test-executor.ts';
import { mergeParts } from '../../support/merge-parts.ts';

const SHOP = openFederation({
  products: {
    sdl: `
      type Query { product: Product products: [Product!]! node: Node search: [Hit] broken: Product }
      type Mutation { touch: Product }
      interface Node { id: ID! }
      union Hit = Product | Shop
      type Shop @key(fields: "id") { id: ID! city: String }
      type Product implements Node @key(fields: "id") {
        id: ID! name: String secret: String @requiresScopes(scopes: [["secrets:read"]]) detail: Detail related: [Product!]
      }
      type Detail { text: String big: String must: String! }
    `,
    resolvers: {
      Query: {
        product: () => product('1'),
        products: () => [product('1'), product('2')],
        node: () => ({ __typename: 'Product', ...product('1') }),
        search: () => [{ __typename: 'Shop', id: '9', city: 'Bonn' }, null, { __typename: 'Product', ...product('2') }],
        broken: () => null,
      },
      Mutation: { touch: () => product('1') },
      Product: { __resolveReference: ({ id }: { id: string }) => product(id), related: () => [product('2')] },
    },
  },
  reviews: {
    sdl: `
      type Product @key(fields: "id") { id: ID! rating: Float @requiresScopes(scopes: [["ratings:read"]]) reviews: [Review!] stars: Int! }
      type Review @key(fields: "id") { id: ID! body: String }
    `,
    resolvers: {
      Product: {
        __resolveReference: (it: object) => it,
        rating: () => 4.5,
        reviews: () => [{ id: 'r1' }, { id: 'r2' }],
        stars: () => 5,
      },
    },
  },
  bodies: {
    sdl: 'type Review @key(fields: "id") { id: ID! body: String }'.replace('body: String', 'length: Int'),
    resolvers: { Review: { __resolveReference: (it: object) => it, length: ({ id }: { id: string }) => Number(id[1]) } },
  },
}); // prettier-ignore

function product(id: string) {
  return { id, name: `n${id}`, secret: `s${id}`, detail: { text: 't', big: 'b', must: 'm' } };
}

const SCOPES = ['secrets:read', 'ratings:read'];

const DOCUMENTS = [
  '{ product { id ... @defer { rating } } }',
  '{ product { id detail { text ... @defer(label: "big") { big } } } }',
  '{ products { id ... @defer { name reviews { id ... @defer(label: "inner") { length body } } } } }',
  '{ products { ... @defer { id name } } }',
  '{ ... @defer { product { name } } products { id } }',
  '{ a: product { i: id ... @defer(label: "x") { n: name r: rating } } b: product { id ... @defer(label: "y") { n: name } } }',
  '{ node { id ... on Product @defer { name rating } ... @defer { __typename } } }',
  '{ search { ... on Product @defer(label: "p") { name stars } ... on Shop { city } } }',
  '{ product { id ...F ...F @defer } } fragment F on Product { name related { id ...G @defer } } fragment G on Product { stars }',
  '{ product { id: name ... @defer { name: id rating } } }',
  '{ product { reviews { id ... @defer { length } } ... @defer { reviews { body } } } }',
  'mutation { touch { id ... @defer { rating } } }',
  'mutation { ... @defer { touch { id ... @defer { name } } } }',
  '{ ... @defer { product { name } } }',
  '{ broken { id ... @defer { rating } } }',
  '{ product { id ... @defer { secret ... @defer { rating } } } }',
];

describe('an answer in parts', () => {
  it.each(DOCUMENTS)('adds up to the whole answer: %s', async (document) => {
    for (const scopes of [SCOPES, ['secrets:read'], []]) {
      const whole = await SHOP.ask(createTestExecutor(), document, { scopes });
      const inParts = await SHOP.askInParts(document, { scopes });
      expect(mergeParts(inParts)).toEqual(whole.data);
      const told = [...inParts.first.errors, ...inParts.parts.flatMap(({ entries }) => entries.flatMap(({ errors }) => errors))];
      const pathsOf = (errors: unknown) => new Set((errors as { path: unknown }[]).map(({ path }) => JSON.stringify(path)));
      expect(pathsOf(told)).toEqual(pathsOf(whole.errors));
      const flags = inParts.parts.map(({ hasNext }) => hasNext);
      expect(flags).toEqual(flags.map((_, index) => index < flags.length - 1));
    }
  }); // prettier-ignore

  it('has at first what is not deferred, and calls nobody for the rest before that', async () => {
    const { first, parts, calls } = await SHOP.askInParts('{ product { id ... @defer(label: "late") { rating } } }', { scopes: SCOPES }); // prettier-ignore
    expect(first).toEqual({ data: { product: { id: '1' } }, errors: [] });
    expect(parts).toEqual([
      { entries: [{ path: ['product'], label: 'late', data: { rating: 4.5 }, errors: [] }], hasNext: false },
    ]);
    expect(calls.map(({ subgraph }) => subgraph)).toEqual(['products', 'reviews']);
  });

  it('shows each object of a list by its path, and what is nested after what it lies in', async () => {
    const { parts } = await SHOP.askInParts(
      '{ products { id ... @defer(label: "outer") { reviews { id ... @defer(label: "inner") { length } } } } }',
    );
    expect(
      parts.map(({ entries }) => entries.map(({ label, path }) => `${String(label)} ${path.join('.')}`)),
    ).toEqual([
      ['outer products.0', 'outer products.1'],
      [
        'inner products.0.reviews.0',
        'inner products.0.reviews.1',
        'inner products.1.reviews.0',
        'inner products.1.reviews.1',
      ],
    ]);
  });

  it('reports a refused field in the part that it is of, and nothing of it in another', async () => {
    const { first, parts } = await SHOP.askInParts('{ product { id secret ... @defer { name secret } } }');
    expect(first.errors).toMatchObject([{ path: ['product', 'secret'] }]);
    expect(first.data).toEqual({ product: { id: '1', secret: null } });
    expect(parts).toMatchObject([
      { entries: [{ data: { name: 'n1', secret: null }, errors: [{ path: ['product', 'secret'] }] }] },
    ]);
    const later = await SHOP.askInParts('{ product { id ... @defer { secret } } }');
    expect(later.first.errors).toEqual([]);
  });

  it('has null for a part whose field may not be null, and leaves the rest as it is', async () => {
    const { first, parts } = await SHOP.askInParts(
      '{ product { id ... @defer(label: "a") { stars } ... @defer(label: "b") { name } } }',
      {
        answer: ({ subgraph }) =>
          subgraph === 'reviews' ? { data: { _entities: [{ stars: null }] } } : undefined,
      },
    );
    expect(first.data).toEqual({ product: { id: '1' } });
    const entries = parts.flatMap((part) => part.entries);
    expect(entries.find(({ label }) => label === 'a')).toMatchObject({
      data: null,
      errors: [{ path: ['product', 'stars'], extensions: { code: 'SUBGRAPH_ERROR' } }],
    });
    expect(entries.find(({ label }) => label === 'b')).toMatchObject({ data: { name: 'n1' }, errors: [] });
  });

  it('reports the failure of a subgraph in the part that it was asked for', async () => {
    const { first, parts } = await SHOP.askInParts('{ products { id ... @defer { name stars } } }', {
      answer: ({ subgraph }) => {
        if (subgraph === 'reviews') throw new Error('away');
      },
    });
    expect(first.errors).toEqual([]);
    const [{ entries } = { entries: [] }] = parts;
    expect(entries.flatMap(({ errors }) => errors)).toMatchObject([{ path: ['products'] }]);
    expect(entries.map(({ data }) => data)).toEqual([null, null]);
  });

  it('reports an error of the first fetch in the part whose field it is of', async () => {
    const { first, parts } = await SHOP.askInParts('{ product { detail { text ... @defer { big } } } }', {
      damage: (answer) => ({ ...answer, errors: [{ message: 'x', path: ['product', 'detail', 'big'] }] }),
    });
    expect(first.errors).toEqual([]);
    expect(parts[0]?.entries[0]).toMatchObject({ errors: [{ path: ['product', 'detail', 'big'] }] });
  });

  it('hides in a later part what the caller has lost since the first one', async () => {
    const lost = { scopes: SCOPES, lost: ['secrets:read'] };
    const field = await SHOP.askInParts('{ product { secret ... @defer { name secret } } }', lost);
    expect(field.first.data).toEqual({ product: { secret: 's1' } });
    expect(field.parts[0]?.entries).toMatchObject([
      {
        data: { name: 'n1', secret: null },
        errors: [{ path: ['product', 'secret'], extensions: { code: 'UNAUTHORIZED_FIELD_OR_TYPE' } }],
      },
    ]);
    const nested = await SHOP.askInParts(
      '{ product { id ... @defer { secret ... @defer { s: secret rating } } } }',
      lost,
    );
    expect(JSON.stringify(nested.parts)).not.toContain('s1');
    expect(JSON.stringify(nested.parts)).toContain('4.5');
  });

  it('is whole where @defer does not hold, and has no more parts than there may be', async () => {
    const off = await SHOP.askInParts(
      'query ($v: Boolean!) { product { id ... @defer(if: $v) { name } ... @defer(if: false) { stars } } }',
      { variables: { v: false } },
    );
    expect(off.parts).toEqual([]);
    const many = Array.from({ length: 30 }, (_, index) => `... @defer { a${String(index)}: name }`).join(' ');
    const { parts, first } = await SHOP.askInParts(`{ product { id ${many} } }`);
    expect(parts).toHaveLength(20);
    expect(first.data).toMatchObject({ product: { a29: 'n1' } });
  });

  it('ends what is under way where the client leaves', async () => {
    const left = new AbortController();
    const asked = SHOP.askInParts('{ product { id ... @defer { stars } } }', {
      signal: left.signal,
      answer: ({ subgraph }) => {
        if (subgraph !== 'reviews') return undefined;
        left.abort(new Error('gone'));
        return new Promise(() => undefined);
      },
    });
    await expect(asked).rejects.toThrow('gone');
  });

  it('is fetched at once, and reported in parts, where the planner finds no way to defer', async () => {
    const { planners } = SHOP.supergraph;
    const queryPlanner = Object.create(planners.queryPlanner) as typeof planners.queryPlanner;
    queryPlanner.buildQueryPlan = (operation, options) => {
      if (operation.toString().includes('@defer')) throw new Error('no way');
      return planners.queryPlanner.buildQueryPlan(operation, options);
    };
    const find = createFindPlan({ ...planners, queryPlanner, secondPlanner: () => undefined });
    const document = parse('{ product { id ... @defer(label: "p1") { stars } } }');
    const { node } = find({ document, overrides: [] });
    expect(node?.kind).toBe('Sequence');
    const answer = await SHOP.askInParts('{ product { id ... @defer { stars } } }', {
      plan: find({ document, overrides: [] }),
    });
    expect(answer.first.data).toEqual({ product: { id: '1' } });
    expect(answer.parts).toMatchObject([{ entries: [{ data: { stars: 5 } }], hasNext: false }]);
  });
});
