import { expect, test } from '@jest/globals';
import { keptCharacters } from '../../../gateway/limits/kept-characters.ts';

test('all caches of documents together take a quarter of the heap, and no more than is of use', () => {
  const heap = 268_435_456;
  expect(keptCharacters(heap) * 130 * 3).toBeLessThanOrEqual(heap / 4);
  expect(keptCharacters(heap)).toBeGreaterThan(150_000);
  expect(keptCharacters(64 * heap)).toBe(2_097_152);
});
