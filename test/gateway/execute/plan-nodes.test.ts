import { expect, it } from '@jest/globals';
import { openFederation } from '../../support/federation.ts';
import { describeCompletions } from '../../support/test-executor.ts';

interface Reference {
  readonly id: string;
}

const SHOP = openFederation({
  products: {
    sdl: `
      type Query { products: [Product], grid: [[Product]], product(id: ID!): Product }
      type Product @key(fields: "id") { id: ID! name: String }
    `,
    resolvers: {
      Query: {
        products: () => [{ id: '1', name: 'one' }, null, { id: '2', name: 'two' }],
        grid: () => [[{ id: '1' }, null], null, [], [{ id: '2' }, { id: '1' }]],
        product: (_: unknown, { id }: Reference) => (id === '0' ? null : { id, name: `name ${id}` }),
      },
      Product: { __resolveReference: ({ id }: Reference) => ({ id, name: `name ${id}` }) },
    },
  },
  reviews: {
    sdl: `
      type Query { topReviews(first: Int = 2): [Review!]! }
      type Review { id: ID! body(upper: Boolean = false): String product: Product! }
      type Product @key(fields: "id") { id: ID! reviews(first: Int = 1): [Review!]! rating(scale: Float = 2): Float! }
    `,
    resolvers: {
      Query: {
        topReviews: (_: unknown, { first }: { first: number }) =>
          [
            { id: 'a', body: 'good', product: { id: '1' } },
            { id: 'b', body: null, product: { id: '1' } },
            { id: 'c', body: 'bad', product: { id: '2' } },
          ].slice(0, first),
      },
      Product: {
        __resolveReference: ({ id }: Reference) => ({ id }),
        reviews: ({ id }: Reference, { first }: { first: number }) =>
          [1, 2, 3].slice(0, first).map((n) => ({ id: `r${id}${String(n)}`, product: { id } })),
        rating: ({ id }: Reference, { scale }: { scale: number }) => Number(id) / scale,
      },
    },
  },
});

describeCompletions('plan nodes', (executor) => {
  it('an entity fetch fills a list around its nulls', async () => {
    const { data, errors } = await SHOP.ask(executor, '{ products { id name rating reviews { id } } }');
    expect(errors).toEqual([]);
    expect(data).toEqual({
      products: [
        { id: '1', name: 'one', rating: 0.5, reviews: [{ id: 'r11' }] },
        null,
        { id: '2', name: 'two', rating: 1, reviews: [{ id: 'r21' }] },
      ],
    });
  });

  it('an entity fetch fills lists of lists', async () => {
    const { data, errors } = await SHOP.ask(executor, '{ grid { rating } }');
    expect(errors).toEqual([]);
    expect(data).toEqual({ grid: [[{ rating: 0.5 }, null], null, [], [{ rating: 1 }, { rating: 0.5 }]] });
  });

  it('no target, no call', async () => {
    const { data, errors, calls } = await SHOP.ask(executor, '{ product(id: "0") { rating } }');
    expect({ data, errors }).toEqual({ data: { product: null }, errors: [] });
    expect(calls.map(({ subgraph }) => subgraph)).toEqual(['products']);
  });

  it('the same representation is sent once and its answer reaches every place', async () => {
    const { data, calls } = await SHOP.ask(executor, '{ topReviews(first: 3) { id product { name } } }');
    expect(data).toEqual({
      topReviews: [
        { id: 'a', product: { name: 'name 1' } },
        { id: 'b', product: { name: 'name 1' } },
        { id: 'c', product: { name: 'name 2' } },
      ],
    });
    expect(calls.map(({ subgraph, variables }) => [subgraph, variables])).toEqual([
      ['reviews', {}],
      [
        'products',
        {
          representations: [
            { __typename: 'Product', id: '1' },
            { __typename: 'Product', id: '2' },
          ],
        },
      ],
    ]);
  });

  it('aliases, at every level, keep their own values', async () => {
    const { data, errors } = await SHOP.ask(
      executor,
      '{ a: product(id: "1") { n: name id: rating(scale: 1) } b: product(id: "2") { n: id x: rating(scale: 4) y: rating } }',
    );
    expect(errors).toEqual([]);
    expect(data).toEqual({ a: { n: 'name 1', id: 1 }, b: { n: '2', x: 0.5, y: 1 } });
  });

  it('defaults stay in the text of the fetch, an explicit null is sent, what is absent is not', async () => {
    const query =
      'query ($first: Int = 3, $scale: Float, $upper: Boolean) { product(id: "4") { reviews(first: $first) { id body(upper: $upper) } rating(scale: $scale) } }';
    const { calls, data } = await SHOP.ask(executor, query, { variables: { upper: null, scale: 8 } });
    expect(data).toMatchObject({
      product: { rating: 0.5, reviews: [{ id: 'r41' }, { id: 'r42' }, { id: 'r43' }] },
    });
    expect(calls[1]?.query).toContain('$first:Int=3');
    expect(calls[1]?.variables).toEqual({
      upper: null,
      scale: 8,
      representations: [{ __typename: 'Product', id: '4' }],
    });
  });

  it('a client variable named representations is its own, in an entity fetch too', async () => {
    const { data, errors } = await SHOP.ask(
      executor,
      'query ($representations: Int) { product(id: "4") { reviews(first: $representations) { id } } }',
      { variables: { representations: 2 } },
    );
    expect({ data, errors }).toEqual({
      data: { product: { reviews: [{ id: 'r41' }, { id: 'r42' }] } },
      errors: [],
    });
  });

  it.each([
    [{}, { id: '1' }],
    [{ yes: true }, { id: '1', name: 'name 1', rating: 0.5 }],
    [
      { yes: true, no: true },
      { id: '1', rating: 0.5 },
    ],
    [{ yes: false }, { id: '1' }],
  ])('@skip and @include follow the variables %j and the defaults', async (variables, product) => {
    const { data, errors, calls } = await SHOP.ask(
      executor,
      `query ($yes: Boolean! = false, $no: Boolean! = false) {
        product(id: "1") { id name @include(if: $yes) @skip(if: $no) ...R @include(if: $yes) }
      }
      fragment R on Product { rating }`,
      { variables },
    );
    expect({ data, errors }).toEqual({ data: { product }, errors: [] });
    expect(calls).toHaveLength('rating' in product ? 2 : 1);
  });

  it('__typename comes from the API schema, at the root, aliased and below', async () => {
    const { data } = await SHOP.ask(
      executor,
      '{ __typename q: __typename product(id: "1") { t: __typename __typename } }',
    );
    expect(data).toEqual({
      __typename: 'Query',
      q: 'Query',
      product: { t: 'Product', __typename: 'Product' },
    });
  });

  it('a fragment and a field of the same key are one field of the answer, in the order of the document', async () => {
    const { text } = await SHOP.ask(
      executor,
      '{ product(id: "1") { rating ...A name } product(id: "1") { id } } fragment A on Product { id reviews { id product { name } } }',
    );
    expect(text).toBe(
      '{"product":{"rating":0.5,"id":"1","reviews":[{"id":"r11","product":{"name":"name 1"}}],"name":"name 1"}}',
    );
  });

  it('an introspection value stands where it was asked for', async () => {
    const { data } = await SHOP.ask(executor, '{ __schema { queryType { name } } product(id: "1") { id } }', {
      introspection: { __schema: { queryType: { name: 'Query' } } },
    });
    expect(data).toEqual({ __schema: { queryType: { name: 'Query' } }, product: { id: '1' } });
  });
});
