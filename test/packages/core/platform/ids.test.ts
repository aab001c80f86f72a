import { randomDigits, uuidv7 } from '@aduana/core/platform/ids';
import { expect, test } from '@jest/globals';

const NOW = 1_764_422_400_123;

test('an id begins with its time, and has the version and the variant of RFC 9562', () => {
  for (let made = 0; made < 500; made += 1)
    expect(uuidv7(NOW)).toMatch(/^019acfc5-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const digits = uuidv7(NOW).replaceAll('-', '').slice(0, 12);
  expect(Number.parseInt(digits, 16)).toBe(NOW);
  expect(uuidv7(NOW + 1) > uuidv7(NOW)).toBe(true);
  expect(uuidv7(0)).toMatch(/^00000000-0000-7/);
});

test('ids of one millisecond differ, and so do digits', () => {
  expect(new Set(Array.from({ length: 5_000 }, () => uuidv7(NOW))).size).toBe(5_000);
  const digits = Array.from({ length: 5_000 }, () => randomDigits(16));
  expect(new Set(digits).size).toBe(5_000);
  for (const one of digits) expect(one).toMatch(/^[0-9a-f]{16}$/);
});
