import { expect, test } from '@jest/globals';
import { createFairQueue } from '../../../gateway/threads/fair-queue.ts';

test('whoever asks for one thing waits for one of each other owner at most', () => {
  const queue = createFairQueue<string>({ perOwner: 100, inAll: 1_000 });
  for (let n = 0; n < 50; n += 1) queue.add('flood', `flood ${String(n)}`);
  queue.add('other', 'other 0');
  queue.add('third', 'third 0');
  expect([queue.next(), queue.next(), queue.next(), queue.next()]).toEqual([
    'flood 0',
    'other 0',
    'third 0',
    'flood 1',
  ]);
  expect(queue.size).toBe(48);
});

test('an owner, and all of them together, have so many waiting at most', () => {
  const queue = createFairQueue<number>({ perOwner: 2, inAll: 3 });
  expect([queue.add('a', 1), queue.add('a', 2), queue.add('a', 3)]).toEqual(['added', 'added', 'owner_full']);
  expect([queue.add('b', 4), queue.add('c', 5)]).toEqual(['added', 'full']);
  expect([queue.next(), queue.next(), queue.next(), queue.next()]).toEqual([1, 4, 2, undefined]);
  expect([queue.add('c', 5), queue.size]).toEqual(['added', 1]);
});
