import { describe, expect, it } from '@jest/globals';
import { openFederation } from '../../support/federation.ts';
import { itself, type Reference } from '../../support/entity-reference.ts';
import { createTestExecutor } from '../../support/test-executor.ts';

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

/** `a` requires one `size` with an argument, which becomes a field apart, and another one as it is. */
const NAMESAKES = openFederation({
  a: {
    sdl: `
      type Query { box: Box lid: Lid }
      type Box @key(fields: "id") { id: ID! size(of: Int): Int @external room: Int @requires(fields: "size(of: 3)") }
      type Lid @key(fields: "id") { id: ID! size: Int @external cover: Int @requires(fields: "size") }
    `,
    resolvers: {
      Query: { box: () => ({ id: '1' }), lid: () => ({ id: '2' }) },
      Box: { __resolveReference: itself, room: ({ size }: Reference) => (size as number) + 1 },
      Lid: { __resolveReference: itself, cover: ({ size }: Reference) => (size as number) + 2 },
    },
  },
  b: {
    sdl: `
      type Box @key(fields: "id") { id: ID! size(of: Int): Int }
      type Lid @key(fields: "id") { id: ID! size: Int }
    `,
    resolvers: {
      Box: { __resolveReference: itself, size: (_: unknown, { of }: { of: number }) => of * 10 },
      Lid: { __resolveReference: itself, size: () => 5 },
    },
  },
});

it('a field that a subgraph requires with arguments may have the name of another that it requires', async () => {
  const { data, errors } = await NAMESAKES.ask(createTestExecutor(), '{ box { room } lid { cover } }');
  expect({ data, errors }).toEqual({ data: { box: { room: 31 }, lid: { cover: 7 } }, errors: [] });
});
