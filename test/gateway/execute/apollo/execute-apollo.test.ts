import { describe, expect, it } from '@jest/globals';
import { openFederation } from '../../../support/federation.ts';
import { createTestExecutor } from '../../../support/test-executor.ts';

const SHOP = openFederation({
  a: {
    sdl: `
      type Query { item: Item, items: [Item] }
      type Mutation { add: String }
      type Item @key(fields: "id") { id: ID! name: String secret: String @requiresScopes(scopes: [["secrets:read"]]) }
    `,
    resolvers: {
      Query: { item: () => ({ id: '1' }), items: () => [{ id: '1' }, { id: '2' }] },
      Mutation: { add: () => 'added' },
      Item: { __resolveReference: (it: object) => it, name: () => 'name', secret: () => 'secret' },
    },
  },
  b: {
    sdl: 'type Item @key(fields: "id") { id: ID! rating(of: Int): Int! }',
    resolvers: {
      Item: {
        __resolveReference: (it: object) => it,
        rating: (_: unknown, { of }: { of: number | null }) => of ?? 5,
      },
    },
  },
});

describe("Apollo's executor over the same plan", () => {
  const execute = createTestExecutor({ kind: 'apollo' });

  it('answers the same, with the same variables', async () => {
    const query =
      'query ($representations: Int) { __typename item { n: name secret rating(of: $representations) } items { id: rating } }';
    const ask = { variables: { representations: 7 } };
    const [theirs, ours] = [
      await SHOP.ask(execute, query, ask),
      await SHOP.ask(createTestExecutor(), query, ask),
    ];
    expect(theirs.text).toBe(ours.text);
    expect(theirs.errors).toEqual(ours.errors);
    expect(ours.data).toEqual({
      __typename: 'Query',
      item: { n: 'name', secret: null, rating: 7 },
      items: [{ id: 5 }, { id: 5 }],
    });
  });

  it('runs mutations', async () => {
    expect((await SHOP.ask(execute, 'mutation { add }')).data).toEqual({ add: 'added' });
  });

  it('says nothing of what a subgraph says of itself', async () => {
    const { data, errors } = await SHOP.ask(execute, '{ item { name rating } }', {
      answer: ({ subgraph }) =>
        subgraph === 'b'
          ? {
              data: null,
              errors: [{ message: 'password=hunter2', extensions: { code: 'X', serviceName: 'b' } }],
            }
          : undefined,
    });
    expect(data).toEqual({ item: null });
    expect(errors).toMatchObject([
      { message: 'A subgraph answered with an error', extensions: { code: 'SUBGRAPH_ERROR' } },
    ]);
    expect(JSON.stringify(errors)).not.toMatch(/hunter2|serviceName|"b"/);
  });
});
