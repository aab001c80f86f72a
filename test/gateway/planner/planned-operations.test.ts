import { describe, expect, it } from '@jest/globals';
import { createTestExecutor, describeCompletions, openFederation } from '../../support/federation.ts';

interface Reference {
  readonly id: string;
  readonly [key: string]: unknown;
}

const itself = (reference: Reference) => reference;

const BLOG = openFederation({
  a: {
    sdl: `
      type Query { post: Post, posts: [Post] }
      interface Commented { comments(limit: Int): [String] }
      type Post implements Commented @key(fields: "id") { id: ID! comments(limit: Int): [String] score: Int }
    `,
    resolvers: {
      Query: { post: () => ({ id: '1' }), posts: () => [{ id: '1' }] },
      Post: {
        __resolveReference: itself,
        comments: (_: unknown, { limit }: { limit: number }) => ['a', 'b', 'c', 'd'].slice(0, limit),
        score: () => 7,
      },
    },
  },
  b: {
    sdl: `
      type Post @key(fields: "id") {
        id: ID!
        comments(limit: Int): [String] @external
        score: Int @external
        summary: String @requires(fields: "comments(limit: 3)")
        roi: Int @requires(fields: "score")
        nothing: String
      }
    `,
    resolvers: {
      Post: {
        __resolveReference: itself,
        summary: ({ comments }: Reference) => (comments as string[]).join('+'),
        roi: ({ score }: Reference) => (score as number) * 2,
      },
    },
  },
});

describeCompletions('defects of the planner', (execute) => {
  it("a field that @requires has with other arguments stays the client's own", async () => {
    const { data, errors } = await BLOG.ask(
      execute,
      '{ post { comments(limit: 1) summary x: comments(limit: 2) } }',
    );
    expect(errors).toEqual([]);
    expect(data).toEqual({ post: { comments: ['a'], summary: 'a+b+c', x: ['a', 'b'] } });
  });

  it('so does an alias that looks like the private one', async () => {
    const { data, errors } = await BLOG.ask(
      execute,
      '{ post { client__comments: comments(limit: 1) comments(limit: 2) summary client__x: id } }',
    );
    expect(errors).toEqual([]);
    expect(data).toEqual({
      post: { client__comments: ['a'], comments: ['a', 'b'], summary: 'a+b+c', client__x: '1' },
    });
  });

  it("an error at such a field is told at the client's key", async () => {
    const { errors } = await BLOG.ask(execute, '{ posts { id: comments(limit: 1) summary } }', {
      answer: ({ query }) =>
        query.includes('posts')
          ? {
              data: { posts: [{ __typename: 'Post', id: '1', planner__0__comments: [], client__id: null }] },
              errors: [{ message: 'x', path: ['posts', 0, 'client__id'] }],
            }
          : undefined,
    });
    expect(errors).toMatchObject([{ path: ['posts', 0, 'id'] }]);
  });

  it('an error at what is required is told where it is missing, without the name that it was asked for as', async () => {
    const { data, errors } = await BLOG.ask(execute, '{ posts { comments(limit: 1) summary } }', {
      answer: ({ query }) =>
        query.includes('posts')
          ? {
              data: { posts: [{ __typename: 'Post', id: '1', planner__0__comments: null, comments: ['a'] }] },
              errors: [{ message: 'x', path: ['posts', 0, 'planner__0__comments'] }],
            }
          : { data: { _entities: [{ summary: null }] } },
    });
    expect(data).toEqual({ posts: [{ comments: ['a'], summary: null }] });
    expect(errors).toMatchObject([{ path: ['posts', 0] }]);
    expect(JSON.stringify(errors)).not.toContain('planner__');
  });

  it('a neighbour of a skipped @requires field keeps its value', async () => {
    const { data, errors } = await BLOG.ask(
      execute,
      'query ($yes: Boolean!) { post { score roi @skip(if: $yes) } }',
      { variables: { yes: true } },
    );
    expect({ data, errors }).toEqual({ data: { post: { score: 7 } }, errors: [] });
  });

  it('an alias that is the name of a key, or of the type, has its own value, also where that is null', async () => {
    const { data, errors } = await BLOG.ask(
      execute,
      '{ post { id: score score: nothing roi } posts { __typename: id id: nothing comments: roi } }',
    );
    expect(errors).toEqual([]);
    expect(data).toEqual({
      post: { id: 7, score: null, roi: 14 },
      posts: [{ __typename: '1', id: null, comments: 14 }],
    });
  });

  it('a client variable named representations is its own', async () => {
    const { data, errors } = await BLOG.ask(
      execute,
      'query ($representations: Int) { posts { summary comments(limit: $representations) } }',
      { variables: { representations: 1 } },
    );
    expect({ data, errors }).toEqual({
      data: { posts: [{ summary: 'a+b+c', comments: ['a'] }] },
      errors: [],
    });
  });
});

const COPIES = [
  { id: 'c1', book: 'b1', holder: 'Ana' },
  { id: 'c2', book: 'b1', holder: 'Bo' },
  { id: 'c3', book: 'b2', holder: 'Cy' },
];
const copiesOf = (book: string, first: number) => COPIES.filter((copy) => copy.book === book).slice(0, first);

const LIBRARY = openFederation({
  desk: {
    sdl: `
      type Query { shelf: [Book] }
      type Book @key(fields: "id") { id: ID! copies(first: Int!): [Copy] @external }
      type Copy @key(fields: "id") {
        id: ID!
        holder: String
        elsewhere: [Book] @external
        spares: Int @requires(fields: "elsewhere { copies(first: 9) { id } }")
      }
    `,
    resolvers: {
      Query: { shelf: () => [{ id: 'b1' }, { id: 'b2' }] },
      Book: { __resolveReference: itself },
      Copy: {
        __resolveReference: (it: Reference) => ({
          ...it,
          holder: COPIES.find(({ id }) => id === it.id)?.holder,
        }),
        spares: ({ elsewhere }: Reference) =>
          (elsewhere as { copies: unknown[] }[]).flatMap(({ copies }) => copies).length,
      },
    },
  },
  store: {
    sdl: `
      type Book @key(fields: "id") {
        id: ID!
        copies(first: Int!): [Copy]
        readers: String @requires(fields: "copies(first: 2) { holder }")
      }
      type Copy @key(fields: "id") { id: ID! holder: String @external elsewhere: [Book] }
    `,
    resolvers: {
      Book: {
        __resolveReference: itself,
        copies: ({ id }: Reference, { first }: { first: number }) => copiesOf(id, first),
        readers: ({ copies }: Reference) =>
          (copies as { holder: string }[]).map(({ holder }) => holder).join('+'),
      },
      Copy: {
        __resolveReference: itself,
        elsewhere: ({ id }: Reference) => (id === 'c3' ? [{ id: 'b1' }] : [{ id: 'b2' }]),
      },
    },
  },
});

describe.each([
  ['plain', createTestExecutor({ completion: 'plain' })],
  ['compiled', createTestExecutor({ completion: 'compiled' })],
  ["Apollo's", createTestExecutor({ kind: 'apollo' })],
])('one field that two subgraphs require with different arguments (%s executor)', (_, execute) => {
  it.each([
    ['{ shelf { readers } }', { shelf: [{ readers: 'Ana+Bo' }, { readers: 'Cy' }] }],
    [
      '{ shelf { readers copies(first: 1) { id } } }',
      {
        shelf: [
          { readers: 'Ana+Bo', copies: [{ id: 'c1' }] },
          { readers: 'Cy', copies: [{ id: 'c3' }] },
        ],
      },
    ],
    [
      '{ shelf { copies(first: 1) { spares holder elsewhere { copies(first: 1) { id } } } readers } }',
      {
        shelf: [
          {
            copies: [{ spares: 1, holder: 'Ana', elsewhere: [{ copies: [{ id: 'c3' }] }] }],
            readers: 'Ana+Bo',
          },
          { copies: [{ spares: 2, holder: 'Cy', elsewhere: [{ copies: [{ id: 'c1' }] }] }], readers: 'Cy' },
        ],
      },
    ],
  ])('is asked for with those of each: %s', async (query, expected) => {
    const { data, errors, calls } = await LIBRARY.ask(execute, query);
    expect({ data, errors }).toEqual({ data: expected, errors: [] });
    expect(JSON.stringify(calls.map(({ variables }) => variables))).not.toContain('planner__');
  });
});

const PRICES = openFederation({
  catalog: {
    sdl: `
      type Query { goods: [Good] }
      type Good @key(fields: "id") { id: ID! weight: Int price(currency: String!): Int origin: Country }
      type Country { code: String tax(currency: String!): Int }
    `,
    resolvers: {
      Query: { goods: () => [{ id: '1' }, { id: '2' }] },
      Good: {
        __resolveReference: itself,
        weight: ({ id }: Reference) => Number(id),
        price: (_: unknown, { currency }: { currency: string }) => (currency === 'EUR' ? 100 : 120),
        origin: ({ id }: Reference) => (id === '2' ? null : {}),
      },
      Country: {
        code: () => 'PT',
        tax: (_: unknown, { currency }: { currency: string }) => (currency === 'EUR' ? 1 : 2),
      },
    },
  },
  freight: {
    sdl: `
      type Good @key(fields: "id") {
        id: ID!
        weight: Int @external
        price(currency: String!): Int @external
        origin: Country @external
        inEuros(by: Int = 1): Int @requires(fields: "price(currency: \\"EUR\\") weight origin { tax(currency: \\"EUR\\") }")
        inDollars(by: Int = 1): Int @requires(fields: "price(currency: \\"USD\\") weight")
        taxInDollars: Int @requires(fields: "origin { tax(currency: \\"USD\\") code }")
        heavy: Boolean @requires(fields: "weight")
      }
      type Country { code: String @external tax(currency: String!): Int @external }
    `,
    resolvers: {
      Good: {
        __resolveReference: itself,
        inEuros: (good: Reference, { by }: { by: number }) =>
          (good['price'] as number) * (good['weight'] as number) * by +
          ((good['origin'] as { tax: number } | null)?.tax ?? 0),
        inDollars: ({ price, weight }: Reference, { by }: { by: number }) =>
          (price as number) * (weight as number) * by,
        taxInDollars: ({ origin }: Reference) => (origin as { tax: number } | null)?.tax,
        heavy: ({ weight }: Reference) => (weight as number) > 1,
      },
    },
  },
});

describe.each([
  ['plain', createTestExecutor({ completion: 'plain' })],
  ['compiled', createTestExecutor({ completion: 'compiled' })],
  ["Apollo's", createTestExecutor({ kind: 'apollo' })],
])('one field that a subgraph requires with different arguments (%s executor)', (_, execute) => {
  it('is sent once with each, for the fields that need it so, and for the others with either', async () => {
    const { data, errors, calls } = await PRICES.ask(
      execute,
      'query ($by: Int, $times: Int) { goods { inEuros(by: $by) dollars: inDollars(by: $times) taxInDollars heavy price(currency: "USD") } }',
      { variables: { by: 10, times: 3 } },
    );
    expect(errors).toEqual([]);
    expect(data).toEqual({
      goods: [
        { inEuros: 1001, dollars: 360, taxInDollars: 2, heavy: false, price: 120 },
        { inEuros: 2000, dollars: 720, taxInDollars: null, heavy: true, price: 120 },
      ],
    });
    expect(JSON.stringify(calls.map(({ variables }) => variables))).not.toContain('planner__');
  });

  it('is sent in one fetch where a client asks for one of them', async () => {
    const { data, calls } = await PRICES.ask(execute, '{ goods { inDollars heavy } }');
    expect(data).toEqual({
      goods: [
        { inDollars: 120, heavy: false },
        { inDollars: 240, heavy: true },
      ],
    });
    expect(calls.map(({ subgraph }) => subgraph)).toEqual(['catalog', 'freight']);
    expect(calls[1]?.variables).toEqual({
      representations: [
        { __typename: 'Good', id: '1', price: 120, weight: 1 },
        { __typename: 'Good', id: '2', price: 120, weight: 2 },
      ],
    });
  });
});

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
