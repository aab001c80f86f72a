import { z } from 'zod';

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** A TCP port; 0 lets the system choose. */
export function port(defaultPort: number) {
  return z
    .string()
    .regex(/^\d{1,5}$/, 'is not a port number')
    .transform(Number)
    .refine((value) => value <= 65_535, 'is not a port number')
    .default(defaultPort);
}

/** A TCP port, or `off`. */
export function portOrOff(defaultPort: number | 'off') {
  return z
    .string()
    .regex(/^(off|\d{1,5})$/, 'is neither a port number nor `off`')
    .transform((value): number | 'off' => (value === 'off' ? 'off' : Number(value)))
    .refine((value) => value === 'off' || value <= 65_535, 'is not a port number')
    .default(defaultPort);
}

/** A whole number of at least `minimum`. */
export function count(defaultCount: number, minimum = 1) {
  return z
    .string()
    .regex(/^\d{1,15}$/, 'is not a whole number')
    .transform(Number)
    .refine((value) => value >= minimum, `is less than ${String(minimum)}`)
    .default(defaultCount);
}

/** A whole number, or `off`. */
export function countOrOff(defaultCount: number | 'off') {
  return z
    .string()
    .regex(/^(off|\d{1,15})$/, 'is neither a whole number nor `off`')
    .transform((value): number | 'off' => (value === 'off' ? 'off' : Number(value)))
    .default(defaultCount);
}

/** `true` or `false`. */
export function flag(defaultFlag: boolean) {
  return z
    .enum(['true', 'false'], 'is neither `true` nor `false`')
    .transform((value) => value === 'true')
    .default(defaultFlag);
}

/** A URL of one of a few schemes, such as `https:`; no problem holds its text, which may have a password in it. */
export function url(schemes: readonly string[]) {
  const names = schemes.map((scheme) => `${scheme}//`).join(' or ');
  return z
    .string()
    .refine(
      (value) => URL.canParse(value) && schemes.includes(new URL(value).protocol),
      `is no URL that begins with ${names}`,
    )
    .optional();
}

/** One of a few words. */
export function choice<const Words extends readonly [string, ...string[]]>(
  words: Words,
  defaultWord: Words[number],
) {
  return z.enum(words, `is none of ${words.join(', ')}`).default(defaultWord as never);
}

/** A host name or an address, without a port. */
export const HOST_NAME = /^(\[[0-9a-f:.]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)$/i;

/** Words between commas, each of one form. */
export function list(form: Pick<RegExp, 'test'>, problem: string) {
  return z
    .string()
    .refine(
      (value) => value.split(',').every((word) => word.trim() === '' || form.test(word.trim())),
      problem,
    )
    .transform((value) =>
      value
        .split(',')
        .map((word) => word.trim())
        .filter((word) => word !== ''),
    )
    .default([]);
}

/** A duration as `500ms`, `30s`, `15m`, `12h` or `30d`, in milliseconds. */
export function duration(defaultMilliseconds: number) {
  return z
    .string()
    .regex(/^\d{1,9}(ms|s|m|h|d)$/, 'is no duration such as 30s, 15m, 12h or 30d')
    .transform(toMilliseconds)
    .default(defaultMilliseconds);
}

/** A duration, in milliseconds; or `off`. */
export function durationOrOff(defaultMilliseconds: number | 'off') {
  return z
    .string()
    .regex(/^(off|\d{1,9}(ms|s|m|h|d))$/, 'is no duration such as 30s, 15m, 12h or 30d, nor `off`')
    .transform((value): number | 'off' => (value === 'off' ? 'off' : toMilliseconds(value)))
    .default(defaultMilliseconds);
}

function toMilliseconds(text: string): number {
  const [, amount = '0', unit = 'ms'] = /^(\d+)([a-z]+)$/.exec(text) ?? [];
  return Number(amount) * (DURATION_UNITS[unit] ?? 1);
}

/** Pairs `name:value` between commas. */
export function pairs(form: RegExp, problem: string) {
  return z
    .string()
    .transform((text) => text.split(',').map((pair) => pair.trim()))
    .refine((parts) => parts.every((pair) => form.test(pair)), problem)
    .transform(
      (parts): ReadonlyMap<string, string> =>
        new Map(parts.map((pair) => [pair.slice(0, pair.indexOf(':')), pair.slice(pair.indexOf(':') + 1)])),
    )
    .optional();
}

/** A text in which a function finds no problem; what it finds must not hold the text, which may have a password in it. */
export function checked(problemOf: (value: string) => string | undefined) {
  return z
    .string()
    .superRefine((value, context) => {
      const message = problemOf(value);
      if (message !== undefined) context.addIssue({ code: 'custom', message });
    })
    .optional();
}
