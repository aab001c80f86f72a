/** The canonical text of a parsed JSON value (RFC 8785): members sorted by UTF-16 units, everything else as ECMAScript writes it. */
export function canonicalise(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalise).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = value as Readonly<Record<string, unknown>>;
    const texts = Object.keys(members)
      .sort()
      .map((name) => `${JSON.stringify(name)}:${canonicalise(members[name])}`);
    return `{${texts.join(',')}}`;
  }
  return JSON.stringify(value);
}
