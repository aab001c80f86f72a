import { describe, expect, test } from '@jest/globals';
import {
  createTextBoundedCache,
  createTextEntry,
  type TextEntry,
} from '@aduana/server-kit/platform/text-bounded-cache';

function open(entries: number, characters: number) {
  const cache = createTextBoundedCache({ entries, characters });
  const made: TextEntry[] = [];
  const add = (key: string, length: number): TextEntry => {
    const entry = createTextEntry(key, length);
    cache.add(entry);
    made.push(entry);
    return entry;
  };
  const kept = () => made.filter((entry) => entry.kept).map(({ key }) => key);
  return { cache, add, kept };
}

describe('a cache that is bounded by text', () => {
  test('forgets the oldest when there are too many, or too much text stands behind them', () => {
    const { add, kept } = open(3, 100);
    for (const key of ['a', 'b', 'c', 'd']) add(key, 10);
    expect(kept()).toEqual(['b', 'c', 'd']);
    add('long', 75);
    expect(kept()).toEqual(['c', 'd', 'long']);
  });

  test('what was used since the last look is not forgotten before what was not', () => {
    const { cache, add, kept } = open(3, 1_000);
    const a = add('a', 10);
    for (const key of ['b', 'c', 'd', 'e', 'f', 'g']) {
      expect(cache.get('a')).toBe(a);
      add(key, 10);
    }
    expect(kept()).toEqual(['a', 'f', 'g']);
    for (const key of ['h', 'i', 'j', 'k']) add(key, 10);
    expect(kept()).toEqual(['i', 'j', 'k']);
  });

  test('takes in something new soon, however much everything else is used', () => {
    const { cache, add, kept } = open(3, 1_000);
    for (const key of ['a', 'b', 'c']) add(key, 10);
    for (const key of ['a', 'b', 'c']) cache.get(key);
    add('new', 10);
    add('new', 10);
    expect(kept()).toContain('new');
  });

  test('text that comes to stand behind an entry later counts as well, and less text makes room', () => {
    const { cache, add, kept } = open(10, 100);
    const [, b] = [add('a', 10), add('b', 10), add('c', 10)];
    cache.get('b');
    cache.grow(b, 75);
    expect(kept()).toEqual(['b', 'c']);
    cache.grow(b, -75);
    add('d', 75);
    expect(kept()).toEqual(['b', 'c', 'd']);
  });

  test('what alone is too long is not kept, and pushes nothing out', () => {
    const { cache, add, kept } = open(10, 100);
    const [, b] = [add('a', 10), add('b', 10)];
    add('huge', 101);
    expect(kept()).toEqual(['a', 'b']);
    cache.grow(b, 101);
    expect(kept()).toEqual(['a']);
    add('c', 90);
    expect(kept()).toEqual(['a', 'c']);
  });

  test('what was forgotten cannot grow, nor take the room of others', () => {
    const { cache, add, kept } = open(1, 100);
    const a = add('a', 10);
    add('b', 10);
    cache.grow(a, 95);
    expect(kept()).toEqual(['b']);
    expect(cache.get('a')).toBeUndefined();
  });

  test('an entry of the same name takes the place of the old one', () => {
    const { cache, add, kept } = open(10, 100);
    add('a', 60);
    const second = add('a', 60);
    expect(cache.get('a')).toBe(second);
    expect(kept()).toEqual(['a']);
  });
});
