import { describe, expect, test } from '@jest/globals';
import { MAX_RESPONSE_CHARACTERS } from '../../gateway/execute/shared/response-size.ts';
import { openFederation } from '../support/federation.ts';
import { createTestExecutor } from '../support/test-executor.ts';

const PLACES = 200;
const TEXT = 'x'.repeat(Math.ceil(MAX_RESPONSE_CHARACTERS / PLACES));
const ENOUGH = TEXT.slice(1_000);

// The attacker: a subgraph that sends one large value, which belongs to many places of the answer.
const { ask } = openFederation({
  lists: {
    sdl: 'type Query { items: [Item] } type Item @key(fields: "id") { id: ID! }',
    resolvers: { Query: { items: () => Array.from({ length: PLACES }, () => ({ id: '1' })) } },
  },
  hostile: {
    sdl: 'scalar JSON type Item @key(fields: "id") { id: ID! text: String any: JSON }',
    resolvers: {
      Item: { __resolveReference: () => ({ id: '1', text: TEXT, any: { text: TEXT } }) } as never,
    },
  },
});

describe.each(['plain', 'compiled'] as const)('a value in many places (%s)', (completion) => {
  const execute = createTestExecutor({ completion });

  test.each(['text', 'any', 'a: any b: text'])(
    '%s: what becomes larger than an answer may be is refused before it is written out',
    async (fields) => {
      await expect(ask(execute, `{ items { ${fields} } }`)).rejects.toMatchObject({
        code: 'SUBGRAPH_ERROR',
        detail: 'the values of subgraphs make too large an answer',
      });
    },
  );

  test('what just fits is answered', async () => {
    const answer = { data: { _entities: [{ __typename: 'Item', id: '1', text: ENOUGH }] } };
    const { data, errors } = await ask(execute, '{ items { text } }', {
      answer: ({ subgraph }) => (subgraph === 'hostile' ? answer : undefined),
    });
    expect(errors).toEqual([]);
    expect((data as { items: unknown[] }).items).toHaveLength(PLACES);
  });
});
