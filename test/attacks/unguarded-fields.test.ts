import { guardSchema as guardInSubgraph } from '@aduana/subgraph/graphql/guard-schema';
import { guardSchema as guardByShield } from '@aduana/server-kit/graphql/guard';
import type { VerifiedToken } from '@aduana/core/tokens/access-token';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { describe, expect, test } from '@jest/globals';
import { graphql, parse } from 'graphql';
import { createCallerViews } from '../../gateway/authorize/caller-views.ts';
import { printCoverage, reportCoverage } from '../../gateway/supergraph/coverage.ts';

import { createFakeClock } from '../support/fake-clock.ts';
import { openGuardedFederation, rightsOf, validatedOf } from '../support/guarded-federation.ts';
import { FEDERATION_LINK } from '../support/supergraph-of.ts';

const ITEM = { id: '1', name: 'pen', price: 3 };
const SUBGRAPHS = {
  items: {
    sdl: `
      type Query {
        item: Item @requiresScopes(scopes: [["items:read"]])
        news: String
        hello: String @authenticated
        sealed: Sealed
      }
      type Item @key(fields: "id") { id: ID! name: String @authenticated price: Int }
      type Sealed @authenticated { a: Int b: Int }
    `,
    resolvers: {
      Query: { item: () => ITEM, news: () => 'news', hello: () => 'hello', sealed: () => ({ a: 1, b: 2 }) },
      Item: { __resolveReference: () => ITEM },
    },
  },
  stock: {
    sdl: 'type Item @key(fields: "id") { id: ID! stock: Int @authenticated shelf: String }',
    resolvers: { Item: { __resolveReference: (it: object) => it, stock: () => 7, shelf: () => 'a1' } },
  },
};
const CALLER = { authenticated: true, scopes: ['items:read'], policies: [] };
const denying = openGuardedFederation(SUBGRAPHS, 'deny');
const open = openGuardedFederation(SUBGRAPHS);

describe('UNGUARDED_FIELDS=deny: what no directive guards is refused to everybody', () => {
  test('a root field, and a field of an object, whatever the caller may do', async () => {
    const ask = denying.openGateway();
    const { data, errors } = await ask({ document: '{ news item { name price shelf } }', caller: CALLER });
    expect(data).toEqual({ news: null, item: { name: 'pen', price: null, shelf: null } });
    expect(errors.map(({ path, extensions }) => [path?.join('.'), extensions?.code])).toEqual([
      ['news', 'UNAUTHORIZED_FIELD_OR_TYPE'],
      ['item.price', 'UNAUTHORIZED_FIELD_OR_TYPE'],
      ['item.shelf', 'UNAUTHORIZED_FIELD_OR_TYPE'],
    ]);
  });

  test('@authenticated opens a field, and a type its fields', async () => {
    const { data, errors } = await denying.openGateway()({
      document: '{ hello sealed { a b } }',
      caller: CALLER,
    });
    expect({ data, errors }).toEqual({ data: { hello: 'hello', sealed: { a: 1, b: 2 } }, errors: [] });
  });

  test('a key still joins where it is asked for by the plan alone, and is refused to the client', async () => {
    const ask = denying.openGateway();
    const joined = await ask({ document: '{ item { stock } }', caller: CALLER });
    expect({ data: joined.data, errors: joined.errors }).toEqual({
      data: { item: { stock: 7 } },
      errors: [],
    });
    expect(joined.calls[0]?.narrowing.join).toContain('Item.id');
    const asked = await ask({ document: '{ item { stock name code: id } }', caller: CALLER });
    expect(asked.data).toEqual({ item: null });
    expect(asked.errors).toMatchObject([{ path: ['item', 'code'] }]);
  });

  test('introspection does not show it', () => {
    const views = createCallerViews({ clock: createFakeClock(0) });
    const { supergraph } = denying;
    const schema = views(
      supergraph,
      rightsOf(CALLER),
      validatedOf({ document: '{ item { id } }', caller: CALLER }).caller,
    );
    expect(Object.keys(schema.getQueryType()?.getFields() ?? {}).sort()).toEqual(['hello', 'item', 'sealed']);
    expect(schema.getType('Item')?.toConfig()).toMatchObject({ fields: { name: {}, stock: {} } });
    expect(JSON.stringify(Object.keys(schema.getType('Item')?.toConfig() ?? {}))).not.toContain('shelf');
  });

  test('by default such fields are open to every authenticated caller', async () => {
    const { data, errors } = await open.openGateway()({
      document: '{ news item { price } }',
      caller: CALLER,
    });
    expect({ data, errors }).toEqual({ data: { news: 'news', item: { price: 3 } }, errors: [] });
  });

  test.each([
    ['@aduana/subgraph', guardInSubgraph],
    ['the server kit', guardByShield],
  ])('the guard of %s refuses it by itself', async (_, guard) => {
    const sdl = FEDERATION_LINK + SUBGRAPHS.items.sdl;
    const build = () => buildSubgraphSchema({ typeDefs: parse(sdl), resolvers: SUBGRAPHS.items.resolvers });
    const ask = async (schema: ReturnType<typeof build>, join?: readonly string[]) => {
      const token = {
        claims: { ...(join && { join }) },
        scopes: new Set(['items:read']),
      } as unknown as VerifiedToken;
      const result = await graphql({
        schema,
        source: '{ news hello item { name price } }',
        contextValue: { token },
      });
      return JSON.parse(JSON.stringify(result.data)) as unknown;
    };
    const closed = { news: null, hello: 'hello', item: { name: 'pen', price: null } };
    const schema = guard(build(), sdl, { unguardedFields: 'deny' });
    expect(await ask(schema)).toEqual(closed);
    expect(await ask(schema, ['Item.price'])).toEqual({ ...closed, item: { name: 'pen', price: 3 } });
    expect(await ask(guard(build(), sdl))).toEqual({
      news: 'news',
      hello: 'hello',
      item: { name: 'pen', price: 3 },
    });
  });

  test('the coverage report names it', () => {
    const { supergraph } = open;
    const report = reportCoverage(supergraph.supergraphSchema, supergraph.requirements);
    expect(report.open).toEqual(
      expect.arrayContaining(['Query.news', 'Item.id', 'Item.price', 'Item.shelf']),
    );
    expect(report.open).toHaveLength(4);
    const lines = printCoverage(report);
    expect(lines).toEqual(
      expect.arrayContaining([
        'Query.item    guarded        scopes items:read',
        'Query.hello   authenticated  authenticated',
        'Query.news    open',
        'Query.sealed  authenticated  authenticated',
        'Item          0 guarded, 2 authenticated, 3 open',
        'Sealed        0 guarded, 2 authenticated, 0 open',
      ]),
    );
  });
});
