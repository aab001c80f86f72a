import fc from 'fast-check';

/** Names that mean something to JavaScript, to GraphQL or to a header. */
export const NAMES = [
  '__proto__', 'constructor', 'hasOwnProperty', 'toString', '__typename', '__schema', '__type', 'query', 'on', 'a', 'b', 'node',
]; // prettier-ignore

/** Any JSON value, with members of such names, deep ones and huge ones among them. */
export const json: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    fc.constantFrom<unknown>(null, true, false, 0, -0, 1, -1, 2 ** 53, 1e308, '', 'a', '__proto__', '\u0000', '\ud800'),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.array(fc.tuple(fc.oneof(fc.constantFrom(...NAMES), fc.string({ maxLength: 8 })), tie('value')), { maxLength: 5 }).map(ownMembers),
    fc.constantFrom(31, 199, 201, 3_000).map((levels) => nested(levels)),
  ),
})).value; // prettier-ignore

function ownMembers(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const [name, value] of entries)
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  return object;
}

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
}

/** A good text with pieces cut, doubled, replaced or put in: what lies next to what a reader expects. */
export function damaged(good: readonly string[], words: readonly string[] = []): fc.Arbitrary<string> {
  const piece = fc.oneof(
    fc.constantFrom('', '\u0000', '\ud800', '\r\n', '"', '\\', '{', '}', '[', ']', '<<', '&a', '*a', '!!js', '-', ':', '9'.repeat(400), ...words),
    fc.string({ unit: 'binary', maxLength: 12 }),
  ); // prettier-ignore
  const edit = fc.tuple(fc.nat(10_000), fc.nat(30), piece, fc.nat(3));
  return fc.tuple(fc.constantFrom(...good), fc.array(edit, { maxLength: 6 })).map(([text, edits]) =>
    edits.reduce((current, [at, length, put, times]) => {
      const start = current.length === 0 ? 0 : at % current.length;
      return current.slice(0, start) + put.repeat(times) + current.slice(start + length);
    }, text),
  ); // prettier-ignore
}

/** Words of a language in any order, so that some of it is nearly right. */
export function soup(words: readonly string[], maxLength = 60): fc.Arbitrary<string> {
  return fc.array(fc.constantFrom(...words), { maxLength }).map((chosen) => chosen.join(' '));
}
