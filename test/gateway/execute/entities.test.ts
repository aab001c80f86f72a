import { expect, it } from '@jest/globals';
import { itself, type Reference } from '../../support/entity-reference.ts';
import { openFederation } from '../../support/federation.ts';
import { describeCompletions } from '../../support/test-executor.ts';

/** What a field with arguments is asked for as, where it is required. */
const PRICE = 'planner__0__price';

const STOCK = openFederation({
  a: {
    sdl: `
      type Query { item: Item, items: [Item] }
      type Mutation { m2: String, m4: Item }
      type Item @key(fields: "id") {
        id: ID!
        price(currency: String = "EUR"): Int @shareable
        size: Size
        secret: String @inaccessible
        parts: [Part]
      }
      type Size @shareable { width: Int height: Int }
      type Part @key(fields: "code { major minor }") { code: Code! }
      type Code @shareable { major: Int! minor: Int }
    `,
    resolvers: {
      Query: {
        item: () => ({ id: '1' }),
        items: () => [{ id: '1' }, { id: '2' }, { id: '3' }],
      },
      Mutation: { m2: () => 'two', m4: () => ({ id: '1' }) },
      Item: {
        __resolveReference: itself,
        price: ({ id }: Reference, { currency }: { currency: string }) =>
          Number(id) * (currency === 'EUR' ? 10 : 100),
        size: ({ id }: Reference) => (id === '2' ? null : { width: Number(id), height: 2 }),
        secret: ({ id }: Reference) => `s${id}`,
        parts: () => [{ code: { major: 1, minor: null } }, null, { code: { major: 2, minor: 3 } }],
      },
    },
  },
  b: {
    sdl: `
      type Query { other: String }
      type Mutation { m1: String, m3: String }
      type Item @key(fields: "id") {
        id: ID!
        price(currency: String = "EUR"): Int @external
        size: Size @external
        secret: String @external
        shipping: Int @requires(fields: "price size { width }")
        hush: String @requires(fields: "secret")
      }
      type Size @shareable { width: Int height: Int }
      type Part @key(fields: "code { major minor }") { code: Code! label: String }
      type Code @shareable { major: Int! minor: Int }
    `,
    resolvers: {
      Mutation: { m1: () => 'one', m3: () => 'three' },
      Item: {
        __resolveReference: itself,
        shipping: ({ price, size }: Reference) =>
          (price as number) + ((size as { width: number } | null)?.width ?? 1000),
        hush: ({ secret }: Reference) => `${secret as string}!`,
      },
      Part: {
        __resolveReference: itself,
        label: ({ code }: Reference) => JSON.stringify(code),
      },
    },
  },
});

describeCompletions('entities', (executor) => {
  it('a null key input is sent as null', async () => {
    const { data, errors, calls } = await STOCK.ask(executor, '{ items { id shipping } }');
    expect(errors).toEqual([]);
    expect(data).toEqual({
      items: [
        { id: '1', shipping: 11 },
        { id: '2', shipping: 1020 },
        { id: '3', shipping: 33 },
      ],
    });
    expect(calls[1]?.variables).toEqual({
      representations: [
        { __typename: 'Item', id: '1', price: 10, size: { width: 1 } },
        { __typename: 'Item', id: '2', price: 20, size: null },
        { __typename: 'Item', id: '3', price: 30, size: { width: 3 } },
      ],
    });
  });

  it('an entity whose key input did not come is not sent', async () => {
    const { data, calls } = await STOCK.ask(executor, '{ items { id shipping } }', {
      answer: ({ subgraph }) =>
        subgraph === 'a'
          ? {
              data: {
                items: [
                  { __typename: 'Item', id: '1', size: { width: 1 } },
                  { __typename: 'Item', id: '2', [PRICE]: 5, size: {} },
                  { id: '4', [PRICE]: 5, size: { width: 1 } },
                  { __typename: 'Item', id: '3', [PRICE]: 5, size: { width: 1 } },
                ],
              },
            }
          : undefined,
    });
    expect(calls[1]?.variables['representations']).toMatchObject([{ id: '3' }]);
    expect(data).toEqual({
      items: [
        { id: '1', shipping: null },
        { id: '2', shipping: null },
        { id: '4', shipping: null },
        { id: '3', shipping: 6 },
      ],
    });
  });

  it('@requires reaches inaccessible fields, which never reach the answer', async () => {
    const { data, errors } = await STOCK.ask(executor, '{ item { hush } }');
    expect({ data, errors }).toEqual({ data: { item: { hush: 's1!' } }, errors: [] });
  });

  it('compound keys travel whole', async () => {
    const { data, calls } = await STOCK.ask(executor, '{ item { parts { label } } }');
    expect(data).toEqual({
      item: { parts: [{ label: '{"major":1,"minor":null}' }, null, { label: '{"major":2,"minor":3}' }] },
    });
    expect(calls[1]?.variables['representations']).toEqual([
      { __typename: 'Part', code: { major: 1, minor: null } },
      { __typename: 'Part', code: { major: 2, minor: 3 } },
    ]);
  });

  it('a number and a text of the same digits are two representations', async () => {
    const { calls } = await STOCK.ask(executor, '{ items { shipping } }', {
      answer: ({ subgraph }) =>
        subgraph === 'a'
          ? {
              data: {
                items: ['1', 1, '1'].map((id) => ({ __typename: 'Item', id, [PRICE]: 1, size: null })),
              },
            }
          : undefined,
    });
    expect((calls[1]?.variables['representations'] as Reference[]).map(({ id }) => id)).toEqual(['1', 1]);
  });

  it('root fields of a mutation run one after the other, across subgraphs', async () => {
    const { data, calls } = await STOCK.ask(executor, 'mutation { m1 m2 m3 m4 { shipping } }');
    expect(data).toEqual({ m1: 'one', m2: 'two', m3: 'three', m4: { shipping: 11 } });
    expect(calls.map(({ subgraph }) => subgraph)).toEqual(['b', 'a', 'b', 'a', 'b']);
    expect(calls.at(-1)?.query).toMatch(/^query/);
  });

  it('a mutation that fails is not sent again, and the ones after it still run', async () => {
    const { data, errors, calls } = await STOCK.ask(executor, 'mutation { m1 m2 m3 }', {
      answer: ({ subgraph }) => {
        if (subgraph === 'a') throw new Error('boom');
        return undefined;
      },
    });
    expect(data).toEqual({ m1: 'one', m2: null, m3: 'three' });
    expect(errors).toMatchObject([{ path: ['m2'], extensions: { code: 'INTERNAL_SERVER_ERROR' } }]);
    expect(calls.map(({ subgraph }) => subgraph)).toEqual(['b', 'a', 'b']);
  });
});
