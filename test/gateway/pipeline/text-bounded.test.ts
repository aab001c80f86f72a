import { describe, expect, test } from '@jest/globals';
import { createTextBounded, type Kept } from '../../../gateway/pipeline/text-bounded.ts';

function open(entries: number, characters: number) {
  const forgotten: string[] = [];
  const cache = createTextBounded({ entries, characters });
  const add = (key: string, length: number): Kept => {
    const entry: Kept = { key, characters: length, used: false, onForget: () => forgotten.push(key) };
    cache.add(entry);
    return entry;
  };
  return { cache, add, forgotten };
}

describe('a cache that is bounded by text', () => {
  test('forgets the oldest when there are too many, or too much text stands behind them', () => {
    const { add, forgotten } = open(3, 100);
    for (const key of ['a', 'b', 'c', 'd']) add(key, 10);
    expect(forgotten).toEqual(['a']);
    add('long', 75);
    expect(forgotten).toEqual(['a', 'b', 'c', 'd'].slice(0, forgotten.length));
    expect(forgotten).toHaveLength(2);
  });

  test('what was used since the last look is not forgotten before what was not', () => {
    const { cache, add, forgotten } = open(3, 1_000);
    const a = add('a', 10);
    for (const key of ['b', 'c', 'd', 'e', 'f', 'g']) {
      a.used = true;
      add(key, 10);
    }
    expect(cache.get('a')).toBe(a);
    expect(forgotten).not.toContain('a');
    for (const key of ['h', 'i', 'j', 'k']) add(key, 10);
    expect(forgotten).toContain('a');
  });

  test('text that comes to stand behind an entry later counts as well', () => {
    const { cache, add, forgotten } = open(10, 100);
    const entries = ['a', 'b', 'c'].map((key) => add(key, 10));
    const [, , c] = entries;
    if (c !== undefined) {
      c.used = true;
      cache.grow(c, 75);
    }
    expect(forgotten).toEqual(['a']);
    const [a] = entries;
    if (a !== undefined) cache.grow(a, 1_000);
    expect(cache.get('c')).toBe(c);
  });

  test('what alone is too long stays no longer than until something else comes', () => {
    const { cache, add } = open(10, 100);
    add('a', 10);
    add('huge', 1_000);
    expect(cache.get('huge')).toBeUndefined();
    add('b', 10);
    expect(cache.get('b')).toBeDefined();
  });

  test('an entry of the same name takes the place of the old one', () => {
    const { cache, add, forgotten } = open(10, 100);
    add('a', 60);
    const second = add('a', 60);
    expect(cache.get('a')).toBe(second);
    expect(forgotten).toEqual(['a']);
  });
});
