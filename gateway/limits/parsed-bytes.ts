/** Below this, what a text is parsed into is no matter. */
const SMALL_CHARACTERS = 131_072;
/** What an empty object takes in V8's heap. */
const VALUE_BYTES = 56;

const OBJECT = 0x7b;
const LIST = 0x5b;
const COMMA = 0x2c;

/** At most what a JSON text is parsed into, beside its strings: `[{},{},...]` takes twenty times its length. */
export function parsedBytes(json: string): number {
  if (json.length <= SMALL_CHARACTERS) return 0;
  let values = 0;
  for (let index = 0; index < json.length; index += 1) {
    const code = json.charCodeAt(index);
    if (code === COMMA || code === OBJECT || code === LIST) values += 1;
  }
  return values * VALUE_BYTES;
}
