/** Execute, compiler, at run time: the JSON text of a string. */

const NEEDS_ESCAPE = /[\u0000-\u001f"\\\ud800-\udfff]/;

/** The JSON text of a string, as `JSON.stringify` gives it: lone surrogates and what needs an escape go through that. */
export function serializeString(value: string): string {
  return NEEDS_ESCAPE.test(value) ? JSON.stringify(value) : `"${value}"`;
}
