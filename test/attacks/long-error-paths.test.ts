// The attacker has a subgraph, and sends one error whose path has as many elements as an answer has room for, of an entity that
// is in many places of the answer.
import { expect, test } from '@jest/globals';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { openFederation } from '../support/federation.ts';
import { createTestExecutor } from '../support/test-executor.ts';

const { ask } = openFederation({
  a: {
    sdl: 'type Query { items: [Item] } type Item @key(fields: "id") { id: ID! }',
    resolvers: {},
  },
  b: { sdl: 'type Item @key(fields: "id") { id: ID! names: [[String]] }', resolvers: {} },
});
const PLACES = 200;
const INDICES = 100_000;

test.each(['plain', 'compiled'] as const)(
  'an error lies no deeper than what was asked for (%s)',
  async (completion) => {
    const execute = createTestExecutor({ completion, log: createLog('silent', () => undefined) });
    const path = ['_entities', 0, 'names', ...Array.from({ length: INDICES }, () => 0), 'x'];
    const answer = ({ subgraph }: { readonly subgraph: string }) =>
      subgraph === 'a'
        ? { data: { items: Array.from({ length: PLACES }, () => ({ __typename: 'Item', id: '1' })) } }
        : { data: { _entities: [{ __typename: 'Item', names: null }] }, errors: [{ message: 'no', path }] };
    const { errors } = await ask(execute, '{ items { names } }', { answer });
    expect(errors).toMatchObject(
      Array.from({ length: PLACES }, (_, at) => ({ path: ['items', at, 'names', 0, 0] })),
    );
  },
);
