import { expect, it } from '@jest/globals';
import { openFederation } from '../../support/federation.ts';
import { itself, type Reference } from '../../support/entity-reference.ts';
import { describeCompletions } from '../../support/test-executor.ts';

const ORDERS = openFederation({
  a: {
    sdl: `
      type Query { order: Order }
      type Order @key(fields: "id") @key(fields: "code", resolvable: false) { id: ID! code: String! total: Int }
    `,
    resolvers: {
      Query: { order: () => ({ id: '1', code: 'c', total: 3 }) },
      Order: {
        __resolveReference: ({ id }: Partial<Reference>) =>
          id === undefined ? null : { id, code: 'c', total: 3 },
      },
    },
  },
  b: {
    sdl: `
      type Query { latest: Order }
      type Order @key(fields: "code") { code: String! state: String }
    `,
    resolvers: {
      Query: { latest: () => ({ code: 'c' }) },
      Order: { __resolveReference: itself, state: () => 'open' },
    },
  },
  c: {
    sdl: 'type Order @key(fields: "id") @key(fields: "code") { id: ID! code: String! }',
    resolvers: { Order: { __resolveReference: ({ code }: Reference) => ({ id: '1', code }) } },
  },
});

describeCompletions('keys that cannot be resolved', (execute) => {
  it('are never entered by', async () => {
    const { data, errors, calls } = await ORDERS.ask(execute, '{ latest { state total } }');
    expect({ data, errors }).toEqual({ data: { latest: { state: 'open', total: 3 } }, errors: [] });
    expect(calls.map(({ subgraph }) => subgraph)).toEqual(['b', 'c', 'a']);
  });
});

const CONTEXT = openFederation({
  a: {
    sdl: `
      type Query { users: [User] }
      type User @key(fields: "id") @context(name: "user") { id: ID! currency: String! cart: [[Line]] }
      type Line @key(fields: "id") { id: ID! price(currency: String @fromContext(field: "$user { currency }")): String }
    `,
    resolvers: {
      Query: {
        users: () => [
          { id: '1', currency: 'EUR', cart: [[{ id: 'a' }, null], [{ id: 'b' }]] },
          { id: '2', currency: 'USD', cart: [[{ id: 'a' }]] },
        ],
      },
      Line: {
        __resolveReference: itself,
        price: ({ id }: Reference, { currency }: { currency: string }) => `${id} ${currency}`,
      },
    },
  },
});

describeCompletions('@fromContext', (execute) => {
  it('reads the nearest object above, for each target its own', async () => {
    const { data, errors } = await CONTEXT.ask(execute, '{ users { cart { price } } }');
    expect(errors).toEqual([]);
    expect(data).toEqual({
      users: [{ cart: [[{ price: 'a EUR' }, null], [{ price: 'b EUR' }]] }, { cart: [[{ price: 'a USD' }]] }],
    });
  });

  it('reads the field itself, where a client has its name for another one', async () => {
    const { data, errors } = await CONTEXT.ask(execute, '{ users { currency: id cart { price } } }');
    expect(errors).toEqual([]);
    expect(data).toEqual({
      users: [
        { currency: '1', cart: [[{ price: 'a EUR' }, null], [{ price: 'b EUR' }]] },
        { currency: '2', cart: [[{ price: 'a USD' }]] },
      ],
    });
  });
});

const CATALOG = openFederation({
  a: {
    sdl: `
      type Query { products: [Product], best: Product @provides(fields: "brand { name }"), shared: Value, hit: Hit }
      type Product @key(fields: "id") { id: ID! brand: Brand weight: Int @override(from: "b") }
      type Brand @key(fields: "id") { id: ID! name: String @external }
      type Value @shareable { x: Int y: Int }
      union Hit = Product | Value
    `,
    resolvers: {
      Query: {
        products: () => [{ id: '1', brand: { id: 'n' }, weight: 1 }],
        best: () => ({ id: '1', brand: { id: 'n', name: 'provided' } }),
        shared: () => ({ x: 1, y: 2 }),
        hit: () => ({ __typename: 'Value', x: 5 }),
      },
      Product: {
        __resolveReference: itself,
        brand: ({ brand }: Reference) => brand ?? { id: 'n' },
        weight: () => 10,
      },
    },
  },
  b: {
    sdl: `
      type Query { newest: Product, hits: [Hit] }
      type Product @key(fields: "id") { id: ID! weight: Int price: Int }
      type Brand @key(fields: "id") { id: ID! name: String @shareable }
      type Other { z: Int }
      union Hit = Product | Other
    `,
    resolvers: {
      Query: {
        newest: () => ({ id: '2' }),
        hits: () => [
          { __typename: 'Other', z: 1 },
          { __typename: 'Product', id: '2' },
        ],
      },
      Product: { __resolveReference: itself, price: () => 5, weight: () => -1 },
      Brand: { __resolveReference: itself, name: () => 'resolved' },
    },
  },
});

describeCompletions('sharing of fields between subgraphs', (execute) => {
  it('follows @provides, @override and @shareable', async () => {
    const { data, errors } = await CATALOG.ask(
      execute,
      '{ best { brand { name } price } newest { weight price } products { brand { name } } shared { y } }',
    );
    expect(errors).toEqual([]);
    expect(data).toEqual({
      best: { brand: { name: 'provided' }, price: 5 },
      newest: { weight: 10, price: 5 },
      products: [{ brand: { name: 'resolved' } }],
      shared: { y: 2 },
    });
  });

  it('lets a union have other members in other subgraphs', async () => {
    const { data, errors } = await CATALOG.ask(
      execute,
      '{ hit { ... on Value { x } ... on Other { z } } hits { __typename ... on Other { z } ... on Product { weight } } }',
    );
    expect(errors).toEqual([]);
    expect(data).toEqual({
      hit: { x: 5 },
      hits: [
        { __typename: 'Other', z: 1 },
        { __typename: 'Product', weight: 10 },
      ],
    });
  });
});
