import { expect, test } from '@jest/globals';
import { executeInterpreted } from '../../gateway/execute/interpreter/execute-interpreted.ts';
import type { Execute } from '../../gateway/execute/shared/execution.ts';
import { cpuMilliseconds } from '../support/cpu-milliseconds.ts';
import { openFederation } from '../support/federation.ts';
import { createTestExecutor } from '../support/test-executor.ts';

// The attacker: a caller who asks for lists of entities within lists of entities. Both subgraphs are honest, their answers small.
const DOCUMENT = '{ items { tags { items { tags { __typename } } } } }';
const TOO_LARGE = { code: 'SUBGRAPH_ERROR', detail: 'the values of subgraphs make too large an answer' };

function openLists(length: number) {
  const ids = Array.from({ length }, (_, n) => ({ id: String(n) }));
  const entity = (more: object) => ({ __resolveReference: ({ id }: { id: string }) => ({ id }), ...more });
  const { ask } = openFederation({
    a: {
      sdl: 'type Query { items: [Item] } type Item @key(fields: "id") { id: ID! tags: [Tag] } type Tag @key(fields: "id") { id: ID! }',
      resolvers: { Query: { items: () => ids }, Item: entity({ tags: () => ids }) as never },
    },
    b: {
      sdl: 'type Tag @key(fields: "id") { id: ID! items: [Item] } type Item @key(fields: "id") { id: ID! }',
      resolvers: { Tag: entity({ items: () => ids }) as never },
    },
  });
  return (execute: Execute) => ask(execute, DOCUMENT);
}

test('what lists within lists multiply is refused by the interpreter before it takes long', async () => {
  const ask = openLists(60);
  const plain = createTestExecutor();
  const took = await cpuMilliseconds(() => expect(ask(plain)).rejects.toMatchObject(TOO_LARGE));
  expect(took).toBeLessThan(5_000);
});

test('the same once it is written out by generated code', async () => {
  const ask = openLists(60);
  const compiled = createTestExecutor({ completion: 'compiled' });
  const took = await cpuMilliseconds(() => expect(ask(compiled)).rejects.toMatchObject(TOO_LARGE));
  expect(took).toBeLessThan(5_000);
});

test('code is generated for it at once, and nothing is copied', async () => {
  let interpreted = 0;
  const execute = createTestExecutor({
    compileAt: 2,
    interpret: (...given) => {
      interpreted += 1;
      return executeInterpreted(...given);
    },
  });
  const { data } = await openLists(25)(execute);
  expect(JSON.stringify(data).split('"Tag"').length - 1).toBe(25 ** 4);
  expect(interpreted).toBe(0);
});

test('what the interpreter does with many copies is paid for by the caller, and a few are not', async () => {
  const plain = createTestExecutor();
  let paid = 0;
  const execute: Execute = (execution) =>
    plain({
      ...execution,
      pay(work) {
        paid += 1;
        return work();
      },
    });
  await openLists(4)(execute);
  expect(paid).toBe(0);
  await openLists(12)(execute);
  expect(paid).toBeGreaterThan(2);
});
