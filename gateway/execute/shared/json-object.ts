/** Execute, every engine: safe access to objects that came out of JSON. */

/** An object that came out of JSON: only its own properties mean anything. */
export type JsonObject = Record<string, unknown>;

/** Whether a value is an object, and not null or a list. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads an own property: `constructor` and its kin are not inherited from `Object.prototype`. */
export function getOwn(object: Readonly<JsonObject>, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Sets an own property: `__proto__` becomes one, and never the object's prototype. */
export function setOwn(object: JsonObject, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  else object[key] = value;
}

/** The object at a path of keys and indices; undefined where there is none. */
export function objectAt(root: unknown, path: readonly (string | number)[]): JsonObject | undefined {
  let value = root;
  for (const key of path)
    if (Array.isArray(value)) value = (value as readonly unknown[])[Number(key)];
    else value = isJsonObject(value) ? getOwn(value, String(key)) : undefined;
  return isJsonObject(value) ? value : undefined;
}
