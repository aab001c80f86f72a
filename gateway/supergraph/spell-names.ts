/**
 * A name of a scope or policy for a report. A directive may name anything: what is no plain name is a JSON string of letters,
 * digits and escapes, which neither a terminal nor Markdown in code takes for more.
 */
export function spellName(name: string): string {
  if (/^[\w:.*/-]+$/.test(name)) return name;
  const escaped = name.replaceAll(
    /[^\w :.,-]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `"${escaped}"`;
}

/** Alternatives of names that are asked for together: `a + b | c`. */
export function spellNames(anyOfAll: readonly (readonly string[])[]): string {
  return anyOfAll.map((all) => all.map(spellName).join(' + ')).join(' | ');
}
