import { expect, test } from '@jest/globals';
import { every } from '@aduana/core/platform/every';
import { createFakeClock } from '../../../support/fake-clock.ts';

test('a task that has failed is repeated after the pause for failures, and after the usual one once it succeeds', async () => {
  const clock = createFakeClock();
  const runs: number[] = [];
  const state = { fails: true };
  const task = (): Promise<void> => {
    runs.push(clock.monotonic());
    return state.fails ? Promise.reject(new Error('away')) : Promise.resolve();
  };
  const repeating = every(
    clock,
    () => 2000,
    task,
    () => undefined,
    () => 500,
  );
  const began = clock.monotonic();
  await clock.advance(2000);
  await clock.advance(500);
  state.fails = false;
  await clock.advance(500);
  await clock.advance(1999);
  expect(runs.map((at) => at - began)).toEqual([2000, 2500, 3000]);
  await clock.advance(1);
  expect(runs).toHaveLength(4);
  await repeating.stop();
});
