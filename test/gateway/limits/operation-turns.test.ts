import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { createOperationTurns } from '../../../gateway/limits/operation-turns.ts';

const EACH_TURN = 4;

function ask(count: number) {
  const turns = createOperationTurns();
  const begun: number[] = [];
  for (let asked = 0; asked < count; asked += 1) {
    const turn = turns.take('bff');
    if (turn === undefined) begun.push(asked);
    else void turn.then(() => begun.push(asked));
  }
  return { turns, begun };
}

test('a few operations begin at once', () => {
  expect(ask(EACH_TURN).begun).toEqual([0, 1, 2, 3]);
});

test('further ones begin in the turns of the event loop that follow, in their order', async () => {
  const { begun } = ask(2 * EACH_TURN + 1);
  expect(begun).toHaveLength(EACH_TURN);
  await nextTurn();
  expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  await nextTurn();
  expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
});

test('an operation that comes later does not begin before those that wait', async () => {
  const { turns, begun } = ask(3 * EACH_TURN);
  await nextTurn();
  expect(begun).toHaveLength(2 * EACH_TURN);
  const late = turns.take('bff');
  expect(late).toBeDefined();
  void late?.then(() => begun.push(Infinity));
  await nextTurn();
  expect(begun).toHaveLength(3 * EACH_TURN);
  await nextTurn();
  expect(begun.at(-1)).toBe(Infinity);
});

test('once all have begun the next one begins at once', async () => {
  const { turns } = ask(EACH_TURN + 1);
  await nextTurn();
  await nextTurn();
  expect(turns.take('bff')).toBeUndefined();
});

test('a caller who asks for much lets another wait one turn', async () => {
  const { turns, begun } = ask(10 * EACH_TURN);
  const other = turns.take('another');
  void other?.then(() => begun.push(Infinity));
  await nextTurn();
  expect(begun).toContain(Infinity);
  expect(begun).toHaveLength(2 * EACH_TURN);
});
