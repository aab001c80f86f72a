import { expect, it } from '@jest/globals';
import { openFederation } from '../support/federation.ts';
import { describeCompletions } from '../support/test-executor.ts';

// The attacker: a subgraph. Each of its errors belongs to every place that asked for the same entity.
const PLACES = 1_000;
const ERRORS = 2_000;
const FEDERATION = openFederation({
  honest: {
    sdl: 'type Query { items: [Item] } type Item { id: ID! maker: Maker } type Maker @key(fields: "id") { id: ID! }',
    resolvers: {
      Query: {
        items: () => Array.from({ length: PLACES }, (_, id) => ({ id: String(id), maker: { id: 'same' } })),
      },
    },
  },
  hostile: { sdl: 'type Maker @key(fields: "id") { id: ID! name: String }' },
});
const FLOOD = {
  data: { _entities: [{ __typename: 'Maker', name: null }] },
  errors: Array.from({ length: ERRORS }, () => ({ message: 'no', path: ['_entities', 0, 'name'] })),
};

describeCompletions('a subgraph whose errors belong to many places', (execute) => {
  it('makes no more errors of them than an answer has room for', async () => {
    const { data, errors } = await FEDERATION.ask(execute, '{ items { id maker { name } } }', {
      answer: ({ subgraph }) => (subgraph === 'hostile' ? FLOOD : undefined),
    });
    const { items } = data as { items: readonly unknown[] };
    expect(items).toHaveLength(PLACES);
    expect(items[PLACES - 1]).toEqual({ id: '999', maker: { name: null } });
    expect((errors as readonly unknown[]).length).toBeLessThanOrEqual(300_000);
  });
});

it('errors of a part that comes later cost as much as they are many', async () => {
  const errors = Array.from({ length: 60_000 }, () => ({ message: 'no', path: ['_entities', 0, 'name'] }));
  const startedAt = process.cpuUsage();
  const { parts } = await FEDERATION.askInParts('{ items { id ... @defer { maker { name } } } }', {
    answer: ({ subgraph }) => (subgraph === 'hostile' ? { ...FLOOD, errors } : undefined),
  });
  expect(parts.flatMap(({ entries }) => entries).length).toBe(PLACES);
  expect(process.cpuUsage(startedAt).user / 1e6).toBeLessThan(20);
});
