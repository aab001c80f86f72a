import canonicalize from 'canonicalize';

/** The largest leaf, in bytes of UTF-8. */
export const MAX_LEAF_BYTES = 32_768;

interface Limits {
  /** UTF-16 units of one string or member name. */
  readonly characters: number;
  /** Members of one object, elements of one array. */
  readonly items: number;
  /** Values altogether. */
  readonly values: number;
}

const MAX_DEPTH = 32;
const REPLACEMENT = '\uFFFD';
/** U+0000, which no text column holds, and surrogates without their other half, which no UTF-8 holds. */
const UNSAFE = /[\0\p{Surrogate}]/u;
const UNSAFE_ALL = /[\0\p{Surrogate}]/gu;

/** Each step holds less; the last fits a leaf whatever the characters, and still holds who did what. */
const STEPS: readonly Limits[] = [
  { characters: 4096, items: 512, values: 4096 },
  { characters: 512, items: 64, values: 256 },
  { characters: 64, items: 16, values: 40 },
];

/**
 * The one text of an event (RFC 8785), for any value that JSON can hold: nothing that a caller sends can keep its record
 * from being written. Lone surrogates and U+0000 become U+FFFD; what is too deep, too long or too much is cut, and a cut
 * object says `"truncated":true`. Members that come first survive longest.
 */
export function canonicalText(event: Readonly<Record<string, unknown>>): string {
  for (const limits of STEPS) {
    const text = canonicalize(boundEvent(event, limits)) ?? '';
    if (text.length <= MAX_LEAF_BYTES && Buffer.byteLength(text) <= MAX_LEAF_BYTES) return text;
  }
  throw new TypeError('the narrowest limits do not fit a leaf');
}

/** A copy of an event that is safe to serialise and bounded in size. */
export function boundEvent(
  event: Readonly<Record<string, unknown>>,
  limits: Limits = STEPS[0] as Limits,
): Record<string, unknown> {
  const bound = createBound(limits);
  const copy = bound.value(event, 0) as Record<string, unknown>;
  if (bound.cut()) copy['truncated'] = true;
  return copy;
}

function createBound(limits: Limits): { value(value: unknown, depth: number): unknown; cut(): boolean } {
  let left = limits.values;
  let cut = false;

  function text(value: string): string {
    let bounded = value;
    if (bounded.length > limits.characters) {
      cut = true;
      bounded = bounded.slice(0, limits.characters);
    }
    return UNSAFE.test(bounded) ? bounded.replaceAll(UNSAFE_ALL, REPLACEMENT) : bounded;
  }

  function array(values: readonly unknown[], depth: number): unknown[] {
    const copy: unknown[] = [];
    for (const element of values) {
      if (copy.length >= limits.items || left <= 0) {
        cut = true;
        break;
      }
      copy.push(value(element, depth + 1) ?? null);
    }
    return copy;
  }

  function object(members: Readonly<Record<string, unknown>>, depth: number): Record<string, unknown> {
    const copy = Object.create(null) as Record<string, unknown>; // a member may be called __proto__
    let count = 0;
    for (const name of Object.keys(members)) {
      const member = members[name];
      if (member === undefined) continue;
      if (count >= limits.items || left <= 0) {
        cut = true;
        break;
      }
      count += 1;
      copy[text(name)] = value(member, depth + 1);
    }
    return copy;
  }

  function value(from: unknown, depth: number): unknown {
    left -= 1;
    if (typeof from === 'string') return text(from);
    if (typeof from === 'number') return Number.isFinite(from) ? from : null;
    if (typeof from === 'boolean' || from === null) return from;
    if (typeof from === 'bigint') return from.toString();
    if (typeof from !== 'object') return null;
    if (depth >= MAX_DEPTH) {
      cut = true;
      return null;
    }
    return Array.isArray(from)
      ? array(from, depth)
      : object(from as Readonly<Record<string, unknown>>, depth);
  }

  return { value, cut: () => cut };
}
