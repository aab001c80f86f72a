/**
 * Controls (C0, DEL, C1), format characters such as bidi controls, halves of characters, what ends a line, and what nobody
 * sees: fillers, variation selectors, the blank Braille pattern.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/gu;
const UNPRINTABLE_IN_LINES =
  /(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/** One line for people: whatever a terminal would obey rather than show stands there as JSON escapes it, such as `\u001b`. */
export function printable(text: string): string {
  return text.replaceAll(UNPRINTABLE, escapeUnits);
}

/** The same of several lines: line feeds and tabs stay. A JSON text keeps its value. */
export function printableLines(text: string): string {
  return text.replaceAll(UNPRINTABLE_IN_LINES, escapeUnits);
}

function escapeUnits(character: string): string {
  return Array.from(
    { length: character.length },
    (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
  ).join('');
}
