/** Execute, interpreter: one response after the other becomes one tree of data. */

import { type GraphQLSchema, isObjectType } from 'graphql';
import { getOwn, isJsonObject, type JsonObject, setOwn } from '../shared/json-object.ts';
import type { SelectionTree } from '../shared/selection-tree.ts';
import { isTypeOrSubtype } from '../../planner/type-relation.ts';

/**
 * Merges what a fetch brought into the tree, copying it: only what the fetch selected, and the type. Objects merge,
 * lists of equal length merge by element, other values replace. A null never wipes what another fetch filled.
 */
export function mergeData(target: JsonObject, source: JsonObject, tree: SelectionTree): void {
  for (const key of Object.keys(source)) {
    const below = key === '__typename' ? null : tree.get(key);
    if (below === undefined) continue;
    setOwn(target, key, merged(getOwn(target, key), source[key], below));
  }
}

/**
 * Merges what a fetch brought of one entity. A subgraph that knows its interface only as an object calls it by the
 * interface's name: a type that is known already stays. False, and nothing merged, where it is of another type.
 */
export function mergeEntity(
  schema: GraphQLSchema,
  target: JsonObject,
  source: JsonObject,
  tree: SelectionTree,
): boolean {
  const known = getOwn(target, '__typename');
  const received = getOwn(source, '__typename');
  const isKnown = typeof known === 'string' && isObjectType(schema.getType(known));
  if (isKnown && typeof received === 'string' && !isTypeOrSubtype(schema, known, received)) return false;
  mergeData(target, source, tree);
  if (isKnown) setOwn(target, '__typename', known);
  return true;
}

function merged(existing: unknown, received: unknown, tree: SelectionTree | null): unknown {
  if (received === null || received === undefined) return existing ?? null;
  if (tree === null) return received;
  if (Array.isArray(received)) {
    const known = Array.isArray(existing) && existing.length === received.length ? existing : [];
    return received.map((element, index) => merged(known[index], element, tree));
  }
  if (!isJsonObject(received)) return received;
  const object = isJsonObject(existing) ? existing : {};
  mergeData(object, received, tree);
  return object;
}

/** A copy that shares nothing with its source. */
export function copyData(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyData);
  if (!isJsonObject(value)) return value;
  const copy: JsonObject = {};
  for (const key of Object.keys(value)) setOwn(copy, key, copyData(value[key]));
  return copy;
}
