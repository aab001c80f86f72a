/** The log writes values 32 deep, and what is deeper as null. */
const DEEPEST = 64;

/**
 * The canonical text of a parsed JSON value (RFC 8785): members sorted by UTF-16 units, everything else as ECMAScript writes
 * it. A value that is nested deeper than in any entry is left out, so that the text is not JSON and equals none.
 */
export function canonicalise(value: unknown, depth = 0): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (depth >= DEEPEST) return '';
  if (Array.isArray(value)) return `[${value.map((element) => canonicalise(element, depth + 1)).join(',')}]`;
  const members = value as Readonly<Record<string, unknown>>;
  const texts = Object.keys(members)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonicalise(members[name], depth + 1)}`);
  return `{${texts.join(',')}}`;
}
