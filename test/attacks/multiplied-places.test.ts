import { describe, expect, test } from '@jest/globals';
import { buildSchema } from 'graphql';
import { findTargets, parseFlattenPath, rootTarget } from '../../gateway/execute/shared/flatten-path.ts';
import { MAX_RESPONSE_OBJECTS } from '../../gateway/execute/shared/response-size.ts';
import { type Call, openFederation } from '../support/federation.ts';
import { createTestExecutor } from '../support/test-executor.ts';

// The attacker: the least caller, who asks for lists within lists through the entities of several honest subgraphs.
const numbers = (length: number) => Array.from({ length }, (_, index) => ({ id: String(index) }));
const itself = ({ id }: { id: string }) => ({ id });
const TOO_LARGE = { code: 'SUBGRAPH_ERROR', detail: 'the values of subgraphs make too large an answer' };
const ITEMS = 1_000;
/** For each item a list and its elements, beside the list of items and the root. */
const FITTING = MAX_RESPONSE_OBJECTS / ITEMS - 3;

function openLists(length: number) {
  const all = numbers(length);
  return openFederation({
    a: {
      sdl: `type Query { items: [Item] } type Item @key(fields: "id") { id: ID! tags: [Tag] }
        type Tag @key(fields: "id") { id: ID! }`,
      resolvers: {
        Query: { items: () => all },
        Item: { __resolveReference: itself, tags: () => all } as never,
      },
    },
    b: {
      sdl: `type Tag @key(fields: "id") { id: ID! name: String items: [Item] }
        type Item @key(fields: "id") { id: ID! }`,
      resolvers: { Tag: { __resolveReference: itself, items: () => all } as never },
    },
  });
}

const wide = openFederation({
  a: {
    sdl: 'type Query { items: [Item] } type Item @key(fields: "id") { id: ID! }',
    resolvers: { Query: { items: () => Array.from({ length: ITEMS }, () => ({ id: '1' })) } },
  },
  b: { sdl: 'type Item @key(fields: "id") { id: ID! list: [Leaf] numbers: [Int] } type Leaf { n: Int }' },
});
const brings =
  (entity: object) =>
  ({ subgraph }: Call) =>
    subgraph === 'b' ? { data: { _entities: [{ __typename: 'Item', ...entity }] } } : undefined;
const leaves = (length: number) => brings({ list: Array.from({ length }, () => ({ n: null })) });

describe.each(['plain', 'compiled'] as const)('lists within lists (%s)', (completion) => {
  const execute = createTestExecutor({ completion });

  test('that multiply to more places than an answer has room for are refused', async () => {
    const asked = openLists(60).ask(execute, '{ items { tags { items { tags { __typename } } } } }');
    await expect(asked).rejects.toMatchObject(TOO_LARGE);
  });

  test('that multiply to fewer are answered, and each entity is asked for once', async () => {
    const { ask } = openLists(12);
    const { data, calls } = await ask(execute, '{ items { tags { items { tags { id } } } } }');
    const tags = numbers(12);
    const items = tags.map(() => ({ tags }));
    expect(data).toEqual({ items: tags.map(() => ({ tags: tags.map(() => ({ items })) })) });
    const asked = calls.map(
      ({ variables }) => (variables['representations'] as unknown[] | undefined)?.length,
    );
    expect(asked).toEqual([undefined, 12, 12]);
  });

  test('an error of what many places share is reported at each, in the order of the answer', async () => {
    const { ask } = openLists(2);
    const { errors } = await ask(execute, '{ items { tags { items { tags { name } } } } }', {
      damage: (answer, { subgraph, query }) =>
        subgraph === 'b' && /\bname\b/.test(query)
          ? { ...(answer as object), errors: [{ message: 'no', path: ['_entities', 1, 'name'] }] }
          : answer,
    });
    const pairs = [0, 1].flatMap((item) => [0, 1].map((tag) => [item, tag]));
    const places = pairs.flatMap(([item, tag]) => [0, 1].map((below) => [item, tag, below]));
    expect((errors as { path: unknown[] }[]).map(({ path }) => path)).toEqual(
      places.map(([item, tag, below]) => ['items', item, 'tags', tag, 'items', below, 'tags', 1, 'name']),
    );
  });

  test('of objects that hold nothing count by their objects', async () => {
    const fields = '{ items { list { n } } }';
    const { data } = await wide.ask(execute, fields, { answer: leaves(FITTING) });
    expect((data as { items: unknown[] }).items).toHaveLength(ITEMS);
    const larger = wide.ask(execute, fields, { answer: leaves(FITTING + 2) });
    await expect(larger).rejects.toMatchObject(TOO_LARGE);
  });

  test('of null count by what is written', async () => {
    const answer = brings({ numbers: Array.from({ length: 20_000 }, () => null) });
    await expect(wide.ask(execute, '{ items { numbers } }', { answer })).rejects.toMatchObject(TOO_LARGE);
  });
});

test('an answer in parts has as much room as one that comes at once', async () => {
  const fields = '{ items { id ... @defer(label: "one") { list { n } } ... @defer(label: "other") { list { n } } } }';
  const inParts = (length: number) => wide.askInParts(fields, { answer: leaves(length) });
  expect((await inParts(FITTING / 2 - 10)).parts).toHaveLength(2);
  await expect(inParts(FITTING / 2 + 10)).rejects.toMatchObject(TOO_LARGE);
}); // prettier-ignore

test('objects that many places share are refused where a fetch depends on what lies above each place', () => {
  const list = Array.from({ length: 1_000 }, () => ({}));
  const shared = Array.from({ length: 1_000 }, () => ({ list }));
  const schema = buildSchema('type Query { any: Int }');
  const path = parseFlattenPath(['shared', '@', 'list', '@']);
  const find = (places: 'shared' | 'each') => findTargets(schema, rootTarget({ shared }), path, places);
  expect(find('shared')).toHaveLength(1_000);
  expect(() => find('each')).toThrow(expect.objectContaining({ code: TOO_LARGE.code }));
});
