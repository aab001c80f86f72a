import { describe, expect, test } from '@jest/globals';
import { boundedText, canonicalText, MAX_LEAF_BYTES } from '@aduana/client/audit/canonical';
import canonicalize from 'canonicalize';
import fc from 'fast-check';

describe('the canonical text of an event', () => {
  test('is RFC 8785: members sorted by UTF-16, numbers as ECMAScript writes them', () => {
    expect(canonicalText({ '\u20ac': 1e21, '\r': 'a', '1': 0.000001, b: [4.5, true, null] })).toBe(
      '{"\\r":"a","1":0.000001,"b":[4.5,true,null],"€":1e+21}',
    );
  });

  test('is written in spite of lone surrogates and U+0000', () => {
    expect(canonicalText({ a: 'x\ud800y\0z', 'k\udfff': '\ud83d\ude00' })).toBe('{"a":"x�y�z","k�":"😀"}');
  });

  test('is written in spite of nesting 5,000 deep', () => {
    let deep: unknown = 'bottom';
    for (let level = 0; level < 5000; level += 1) deep = [deep];
    const text = canonicalText({ id: 'kept', deep });
    expect(JSON.parse(text)).toMatchObject({ id: 'kept', truncated: true });
  });

  test('fits a leaf in spite of megabytes, and what comes first is kept', () => {
    const flood = '\u0001'.repeat(1_000_000);
    const event = {
      id: 'kept',
      outcome: 'DENIED',
      values: Array.from({ length: 10_000 }, () => ({ [flood]: flood })),
    };
    const text = canonicalText(event);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAX_LEAF_BYTES);
    expect(JSON.parse(text)).toMatchObject({ id: 'kept', outcome: 'DENIED', truncated: true });
  });

  test('keeps a member called __proto__ as data', () => {
    expect(canonicalText(JSON.parse('{"__proto__":{"admin":true}}') as Record<string, unknown>)).toBe(
      '{"__proto__":{"admin":true}}',
    );
  });

  test('never fails, always fits, and is its own canonical text', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: 'binary' }), fc.anything({ withBigInt: true })),
        (event) => {
          const text = canonicalText(event);
          expect(Buffer.byteLength(text)).toBeLessThanOrEqual(MAX_LEAF_BYTES);
          expect(canonicalText(JSON.parse(text) as Record<string, unknown>)).toBe(text);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('is what the reference implementation of RFC 8785 makes of it', () => {
    const names = fc.oneof(fc.string({ unit: 'binary' }), fc.nat().map(String));
    fc.assert(
      fc.property(fc.dictionary(names, fc.jsonValue({ maxDepth: 4 })), (event) => {
        const text = canonicalText({ ...event, 10: '\ud83d\ude00"\\\n', 9: [-0, 1e-7, 1e300, 0.1] });
        expect(text).toBe(canonicalize(JSON.parse(text)));
      }),
      { numRuns: 300 },
    );
  });

  test('holds one member where two names come to be the same', () => {
    const long = '\u20ac'.repeat(5000);
    expect(canonicalText({ 'a\ud800': 1, 'a\udfff': 2, [`${long}b`]: 3, [`${long}c`]: 4 })).toBe(
      `{"a\uFFFD":2,"truncated":true,"${long.slice(0, 4096)}":4}`,
    );
  });
});

describe('the text that a client sends', () => {
  test('keeps the order of members, so that the log cuts the last ones first', () => {
    expect(boundedText({ b: 1, a: { d: undefined, c: null } })).toBe('{"b":1,"a":{"c":null}}');
  });

  test('is cut and made safe as the log would do it', () => {
    const text = boundedText({ id: 'kept', long: '"'.repeat(5000), lone: '\udfff', none: NaN });
    expect(JSON.parse(text)).toEqual({
      id: 'kept',
      long: '"'.repeat(4096),
      lone: '\uFFFD',
      none: null,
      truncated: true,
    });
  });
});
