/** Execute, interpreter: a tree with what a fetch brought. Trees do not change: what several places share stays shared. */

import type { GraphQLSchema } from 'graphql';
import type { Target } from '../shared/flatten-path.ts';
import { getOwn, isJsonObject, type JsonObject, setOwn } from '../shared/json-object.ts';
import type { SelectionTree } from '../shared/selection-tree.ts';
import { type MergedParts, mergeEntity } from './merge-data.ts';

/** What a fetch brought for a target. */
export interface Addition {
  readonly value: JsonObject;
  /** Where the same is brought for several targets. */
  readonly shared: MergedParts | undefined;
}

/** What adding needs to know of a fetch. */
export interface Adding<Added extends Addition> {
  readonly schema: GraphQLSchema;
  /** What the fetch selected. */
  readonly tree: SelectionTree;
  readonly additions: ReadonlyMap<Target, Added>;
  /** Called where an entity turned out to be of another type: nothing is added to it. */
  readonly onMismatch: (addition: Added) => void;
}

/**
 * The same tree with additions: copies of what leads to them, everything else is shared with the tree that was there before.
 *
 * @param root of the tree in which the targets were found
 * @param current which may have other additions by now
 */
export function addToTree<Added extends Addition>(
  adding: Adding<Added>,
  root: Target,
  current: JsonObject,
): JsonObject {
  const { schema, tree, additions, onMismatch } = adding;
  const done = new Map<Target, { readonly from: unknown; readonly result: unknown }>();
  const addTo = (target: Target, from: unknown): unknown => {
    const known = done.get(target);
    if (known?.from === from && known !== undefined) return known.result;
    const result = withAddition(target, from);
    if (target.ways.length > 1) done.set(target, { from, result });
    return result;
  };
  const withAddition = (target: Target, from: unknown): unknown => {
    const addition = additions.get(target);
    if (addition !== undefined) {
      if (!isJsonObject(from)) return from;
      const entity = mergeEntity(schema, from, addition.value, tree, addition.shared);
      if (entity === undefined) onMismatch(addition);
      return entity ?? from;
    }
    return target.below.length === 0 ? from : withBelow(target, from);
  };
  const withBelow = ({ value, below }: Target, from: unknown): unknown => {
    if (Array.isArray(from)) {
      if (!Array.isArray(value) || value.length !== from.length) return from; // replaced by another one meanwhile
      const copy = [...(from as readonly unknown[])];
      for (const { key, target } of below) copy[Number(key)] = addTo(target, copy[Number(key)]);
      return copy;
    }
    if (!isJsonObject(from) || !isJsonObject(value)) return from;
    const copy = { ...from };
    for (const { key, target } of below) setOwn(copy, String(key), addTo(target, getOwn(copy, String(key))));
    return copy;
  };
  return addTo(root, current) as JsonObject;
}
