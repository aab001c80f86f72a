import { DateTimeScalar } from '@aduana/server-kit/graphql/date-time-scalar';
import { describe, expect, test } from '@jest/globals';
import { parseValue } from 'graphql';

const asLiteral = (text: string) => DateTimeScalar.parseLiteral(parseValue(text));

describe('DateTime', () => {
  test.each([
    ['2026-11-28T15:00:00Z', '2026-11-28T15:00:00.000Z'],
    ['2026-11-28t15:00:00z', '2026-11-28T15:00:00.000Z'],
    ['2026-11-28T15:00:00.123456789+02:00', '2026-11-28T13:00:00.123Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
  ])('takes %s', (given, instant) => {
    expect(DateTimeScalar.parseValue(given)).toBe(instant);
    expect(asLiteral(JSON.stringify(given))).toBe(instant);
  });

  test.each([
    ['no time', 'yesterday'],
    ['a date alone', '2026-11-28'],
    ['a time without a zone', '2026-11-28T15:00:00'],
    ['a day that its month does not have', '2026-02-30T00:00:00Z'],
    ['a month that there is not', '2026-13-01T00:00:00Z'],
    ['a zone that there is not', '2026-11-28T15:00:00+99:00'],
    ['a year that databases do not have', '0000-06-01T00:00:00Z'],
    ['an instant before the year 1', '0001-01-01T00:00:00+01:00'],
    ['an instant after the year 9999', '9999-12-31T23:59:59-01:00'],
    ['a number', 5],
    ['a list', ['2026-11-28T15:00:00Z']],
    ['an object', { time: '2026-11-28T15:00:00Z' }],
  ])('refuses %s as the input of the caller', (_, given) => {
    expect(() => DateTimeScalar.parseValue(given)).toThrow(
      expect.objectContaining({ extensions: { code: 'BAD_USER_INPUT' } }),
    );
  });

  test.each(['5', '["2026-11-28T15:00:00Z"]', '{ a: 1 }', 'true', '"yesterday"'])(
    'refuses the literal %s',
    (literal) => {
      expect(() => asLiteral(literal)).toThrow('not an instant of RFC 3339');
    },
  );
});
