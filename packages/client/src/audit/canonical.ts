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
  const ordinary = writeOrdinary(event, 'sorted');
  if (ordinary !== undefined) return ordinary;
  for (const limits of STEPS) {
    const text = writeEvent(event, limits, 'sorted');
    if (text.length <= MAX_LEAF_BYTES && Buffer.byteLength(text) <= MAX_LEAF_BYTES) return text;
  }
  throw new TypeError('the narrowest limits do not fit a leaf');
}

/** The JSON of an event that is safe to send and bounded in size, its members in their order. */
export function boundedText(event: Readonly<Record<string, unknown>>): string {
  return writeOrdinary(event, 'given') ?? writeEvent(event, STEPS[0] as Limits, 'given');
}

type Order = 'given' | 'sorted';

/** A text of no more characters holds no string that is too long, nor too many values: each takes two at least. */
const ORDINARY_CHARACTERS = 4096;
const ORDINARY_ITEMS = 512;
/** How `JSON.stringify` writes what must be replaced. */
const REPLACED = /\\u(?:0000|d[89a-f])/;

/**
 * The text of an event of which nothing must be cut or replaced, as nearly all are: the log spends most of its time here,
 * and nothing writes JSON as fast as the engine.
 *
 * @returns undefined where it takes `writeEvent`
 */
function writeOrdinary(event: Readonly<Record<string, unknown>>, order: Order): string | undefined {
  const plain = order === 'sorted' ? plainCopy(event, 0) : isPlain(event, 0) ? event : undefined;
  if (plain === undefined) return undefined;
  const text = JSON.stringify(plain);
  return text.length <= ORDINARY_CHARACTERS && !REPLACED.test(text) ? text : undefined;
}

/** Whether `JSON.stringify` writes a value as `writeEvent` does with the members as they are. */
function isPlain(value: unknown, depth: number): boolean {
  if (typeof value === 'string') return value.length <= ORDINARY_CHARACTERS;
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return true;
  if (typeof value !== 'object' || depth >= MAX_DEPTH) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (Array.isArray(value)) {
    if (prototype !== Array.prototype || value.length > ORDINARY_ITEMS) return false;
    for (const element of value) if (!isPlain(element, depth + 1)) return false;
    return true;
  }
  if (prototype !== Object.prototype && prototype !== null) return false;
  let names = 0;
  for (const name in value) {
    const member = (value as Readonly<Record<string, unknown>>)[name];
    if ((names += 1) > ORDINARY_ITEMS || !(member === undefined || isPlain(member, depth + 1))) return false;
  }
  return true;
}

/** A copy whose members are sorted; undefined where `JSON.stringify` might write anything else than `writeEvent`. */
function plainCopy(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return value.length > ORDINARY_CHARACTERS ? undefined : value;
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  if (typeof value !== 'object' || depth >= MAX_DEPTH) return undefined;
  if (Array.isArray(value)) return plainArray(value, depth);
  const names = Object.keys(value);
  if (names.length > ORDINARY_ITEMS) return undefined;
  names.sort();
  const copy: Record<string, unknown> = {};
  for (const name of names) {
    const member = (value as Readonly<Record<string, unknown>>)[name];
    if (member === undefined) continue;
    const plain = plainCopy(member, depth + 1);
    // an object puts names that are numbers first
    if (plain === undefined || isDigit(name.charCodeAt(0)) || name === '__proto__') return undefined;
    copy[name] = plain;
  }
  return copy;
}

function plainArray(value: readonly unknown[], depth: number): unknown {
  if (value.length > ORDINARY_ITEMS) return undefined;
  const copy: unknown[] = [];
  for (const element of value) {
    const plain = plainCopy(element, depth + 1);
    if (plain === undefined) return undefined;
    copy.push(plain);
  }
  return copy;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** Bounds and writes in one pass. */
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
