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
const UNSAFE = /[\0\p{Surrogate}]/gu;
/** What JSON may write in another way than it is: control characters, quotes, backslashes, halves of characters. */
const ESCAPED = /[\0-\x1f"\\\ud800-\udfff]/;

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
    const text = writeEvent(event, limits, 'sorted');
    if (text.length <= MAX_LEAF_BYTES && Buffer.byteLength(text) <= MAX_LEAF_BYTES) return text;
  }
  throw new TypeError('the narrowest limits do not fit a leaf');
}

/** The JSON of an event that is safe to send and bounded in size, its members in their order. */
export function boundedText(event: Readonly<Record<string, unknown>>): string {
  return writeEvent(event, STEPS[0] as Limits, 'given');
}

type Order = 'given' | 'sorted';

/** Bounds and writes in one pass: the log spends most of its time here. */
function writeEvent(event: Readonly<Record<string, unknown>>, limits: Limits, order: Order): string {
  const room = { values: limits.values - 1, isCut: false };

  function bounded(text: string): string {
    if (text.length <= limits.characters) return text;
    room.isCut = true;
    return text.slice(0, limits.characters);
  }

  function isFull(count: number): boolean {
    const full = count >= limits.items || room.values <= 0;
    room.isCut ||= full;
    return full;
  }

  function array(values: readonly unknown[], depth: number): string {
    const texts: string[] = [];
    for (const element of values) {
      if (isFull(texts.length)) break;
      texts.push(value(element, depth + 1));
    }
    return `[${texts.join(',')}]`;
  }

  /** By name, as names may come to be the same. */
  function members(object: Readonly<Record<string, unknown>>, depth: number): Map<string, string> {
    const texts = new Map<string, string>();
    let count = 0;
    for (const name of Object.keys(object)) {
      const member = object[name];
      if (member === undefined) continue;
      if (isFull(count)) break;
      count += 1;
      texts.set(safe(bounded(name)), value(member, depth + 1));
    }
    return texts;
  }

  function value(from: unknown, depth: number): string {
    room.values -= 1;
    if (typeof from === 'string') return quoted(bounded(from));
    if (typeof from === 'number') return Number.isFinite(from) ? String(from) : 'null';
    if (typeof from === 'boolean') return String(from);
    if (typeof from === 'bigint') return quoted(bounded(from.toString()));
    if (typeof from !== 'object' || from === null) return 'null';
    if (depth >= MAX_DEPTH) {
      room.isCut = true;
      return 'null';
    }
    if (Array.isArray(from)) return array(from, depth);
    return object(members(from as Readonly<Record<string, unknown>>, depth), order);
  }

  const texts = members(event, 0);
  if (room.isCut) texts.set('truncated', 'true');
  return object(texts, order);
}

function object(texts: ReadonlyMap<string, string>, order: Order): string {
  const names = order === 'sorted' ? [...texts.keys()].sort() : texts.keys();
  let text = '';
  for (const name of names) text += `${text === '' ? '' : ','}${quoted(name)}:${texts.get(name) ?? ''}`;
  return `{${text}}`;
}

function quoted(text: string): string {
  return ESCAPED.test(text) ? JSON.stringify(safe(text)) : `"${text}"`;
}

function safe(text: string): string {
  return ESCAPED.test(text) ? text.replaceAll(UNSAFE, REPLACEMENT) : text;
}
