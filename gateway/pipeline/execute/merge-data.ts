import { getOwn, isJsonObject, type JsonObject, setOwn } from './own-property.ts';

/**
 * Merges what a fetch brought into the tree, copying it: objects merge, lists of equal length merge by element, other
 * values replace. A null never wipes what another fetch filled.
 */
export function mergeData(target: JsonObject, source: JsonObject): void {
  for (const key of Object.keys(source)) {
    const received = getOwn(source, key);
    if (received === undefined) continue;
    setOwn(target, key, merged(getOwn(target, key), received));
  }
}

function merged(existing: unknown, received: unknown): unknown {
  if (received === null) return existing ?? null;
  if (isJsonObject(received)) {
    if (!isJsonObject(existing)) return copyData(received);
    mergeData(existing, received);
    return existing;
  }
  if (!Array.isArray(received)) return received;
  if (!Array.isArray(existing) || existing.length !== received.length) return copyData(received);
  return received.map((element, index) => merged(existing[index], element));
}

/** A copy that shares nothing with its source. */
export function copyData(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyData);
  if (!isJsonObject(value)) return value;
  const copy: JsonObject = {};
  for (const key of Object.keys(value)) setOwn(copy, key, copyData(value[key]));
  return copy;
}
