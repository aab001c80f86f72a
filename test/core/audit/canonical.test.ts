import { describe, expect, test } from '@jest/globals';
import { boundEvent, canonicalText, MAX_LEAF_BYTES } from '@aduana/core/audit/canonical';
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

  test('says nothing of a cut where nothing was cut', () => {
    expect(boundEvent({ a: 1 })).toEqual({ a: 1 });
  });
});
