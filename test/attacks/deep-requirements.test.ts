/** The attacker: a subgraph whose custom scalar, which another subgraph requires, is nested so deeply that nothing can write it. */
import { expect, test } from '@jest/globals';
import { openFederation } from '../support/federation.ts';
import { describeCompletions } from '../support/test-executor.ts';

const { ask } = openFederation({
  bad: {
    sdl: `scalar JSON type Query { version: String items: [Item] }
      type Item @key(fields: "id") { id: ID! any: JSON part: Part @shareable } type Part @shareable { any: JSON }`,
  },
  good: {
    sdl: `scalar JSON type Item @key(fields: "id") { id: ID! any: JSON @external part: Part @external
      sum: Int @requires(fields: "any") inner: Int @requires(fields: "part { any }") }
      type Part { any: JSON @external }`,
    resolvers: {
      Item: { __resolveReference: (item: object) => item, sum: () => 1, inner: () => 2 } as never,
    },
  },
});

const nested = (levels: number) => JSON.parse('['.repeat(levels) + ']'.repeat(levels)) as unknown;

describeCompletions('a required value that is too deep', (execute) => {
  test.each([
    ['sum', (any: unknown) => ({ any })],
    ['inner', (any: unknown) => ({ part: { __typename: 'Part', any } })],
  ] as const)('%s leaves its entity with an error, and nothing else', async (field, required) => {
    const answer = (levels: number) => ({
      data: {
        version: 'v1',
        items: [
          { __typename: 'Item', id: '1', ...required(nested(levels)) },
          { __typename: 'Item', id: '2', ...required(1) },
        ],
      },
    });
    for (const levels of [501, 20_000]) {
      const { data, errors } = await ask(execute, `{ version items { id ${field} } }`, {
        answer: ({ subgraph }) => (subgraph === 'bad' ? answer(levels) : undefined),
      });
      const value = field === 'sum' ? 1 : 2;
      expect(data).toEqual({
        version: 'v1',
        items: [
          { id: '1', [field]: null },
          { id: '2', [field]: value },
        ],
      });
      expect(errors).toMatchObject([{ path: ['items', 0], extensions: { code: 'SUBGRAPH_ERROR' } }]);
    }
    const { errors } = await ask(execute, `{ version items { id ${field} } }`, {
      answer: ({ subgraph }) => (subgraph === 'bad' ? answer(400) : undefined),
    });
    expect(errors).toEqual([]);
  });
});
