/** Execute, interpreter: one response after the other becomes one tree of data, whose places share what is the same. */

import { type GraphQLSchema, isObjectType } from 'graphql';
import { getOwn, isJsonObject, type JsonObject, setOwn } from '../shared/json-object.ts';
import type { SelectionTree } from '../shared/selection-tree.ts';
import { isTypeOrSubtype } from '../../planner/type-relation.ts';

/**
 * Merges what a fetch brought with what is known, which stays as it was: only what the fetch selected, and the type. Objects
 * merge, lists of equal length merge by element, other values replace. A null never wipes what another fetch filled.
 *
 * @param shared where what is brought belongs to several places
 */
export function mergeData(
  known: JsonObject,
  source: JsonObject,
  tree: SelectionTree,
  shared?: MergedParts,
): JsonObject {
  const result = { ...known };
  for (const key of Object.keys(source)) {
    const below = key === '__typename' ? null : tree.get(key);
    if (below === undefined) continue;
    setOwn(result, key, merged(getOwn(known, key), source[key], below, shared));
  }
  return result;
}

/**
 * Merges what a fetch brought of one entity. A subgraph that knows its interface only as an object calls it by the
 * interface's name: a type that is known already stays. Undefined where it is of another type.
 */
export function mergeEntity(
  schema: GraphQLSchema,
  entity: JsonObject,
  source: JsonObject,
  tree: SelectionTree,
  shared?: MergedParts,
): JsonObject | undefined {
  const known = getOwn(entity, '__typename');
  const received = getOwn(source, '__typename');
  const isKnown = typeof known === 'string' && isObjectType(schema.getType(known));
  if (isKnown && typeof received === 'string' && !isTypeOrSubtype(schema, known, received)) return undefined;
  const result = mergeData(entity, source, tree, shared);
  if (isKnown) setOwn(result, '__typename', known);
  return result;
}

/** What the same objects and lists were merged to, so that places share it: by what was brought, and what was known. */
export type MergedParts = Map<object, Map<unknown, Merged>>;

interface Merged {
  readonly tree: SelectionTree;
  readonly result: unknown;
}

function merged(
  known: unknown,
  received: unknown,
  tree: SelectionTree | null,
  shared: MergedParts | undefined,
): unknown {
  if (received === null || received === undefined) return known ?? null;
  if (tree === null || typeof received !== 'object') return received;
  if (shared === undefined) return mergeParts(known, received, tree, undefined);
  let others = shared.get(received);
  if (others === undefined) shared.set(received, (others = new Map<unknown, Merged>()));
  const before = typeof known === 'object' ? known : null;
  const same = others.get(before);
  if (same?.tree === tree) return same.result;
  const result = mergeParts(known, received, tree, shared);
  others.set(before, { tree, result });
  return result;
}

function mergeParts(
  known: unknown,
  received: object,
  tree: SelectionTree,
  shared: MergedParts | undefined,
): unknown {
  if (!Array.isArray(received))
    return mergeData(isJsonObject(known) ? known : {}, received as JsonObject, tree, shared);
  const elements: readonly unknown[] = Array.isArray(known) && known.length === received.length ? known : [];
  return received.map((element, index) => merged(elements[index], element, tree, shared));
}

/** A copy that shares nothing with its source. */
export function copyData(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyData);
  if (!isJsonObject(value)) return value;
  const copy: JsonObject = {};
  for (const key of Object.keys(value)) setOwn(copy, key, copyData(value[key]));
  return copy;
}
