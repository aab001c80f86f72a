/** Execute, incremental delivery: the objects of a deferred part, by the rights that the caller has now. */

import type { Authorized } from '../../stages.ts';
import type { LoadedSupergraph } from '../../supergraph/loaded-supergraph.ts';
import type { ObjectShape } from '../shared/response-shape.ts';
import { completePart, type DeferredObject, type DeferredPlace } from '../shared/complete-response.ts';
import { CompletedParts } from '../shared/completed-parts.ts';
import type { Execution } from '../shared/execution.ts';
import { type JsonObject, objectAt } from '../shared/json-object.ts';
import { type PreparedIncremental, splitShape } from './prepare-incremental.ts';

/** A place as the rights of now have it; without a shape where nothing of it is left. */
export type AuthorizedPlace = Omit<DeferredPlace, 'shape'> & { readonly shape: ObjectShape | undefined };

/** The places of a part, each with what the caller may have of it now. */
export function authorizePlaces(
  places: readonly DeferredPlace[],
  tree: JsonObject,
  authorized: Authorized,
  { prepared, execution }: { readonly prepared: PreparedIncremental; readonly execution: Execution },
): readonly AuthorizedPlace[] {
  if (authorized.shape === execution.authorized.shape) return places;
  const now = findPlaces(prepared, execution.supergraph, authorized, tree);
  return places.map((place) => ({ ...place, shape: now.get(keyOf(place)) }));
}

function findPlaces(
  { schema }: PreparedIncremental,
  supergraph: LoadedSupergraph,
  authorized: Authorized,
  tree: JsonObject,
): ReadonlyMap<string, ObjectShape> {
  const found = new Map<string, ObjectShape>();
  const parts = new CompletedParts();
  const find = (shape: ObjectShape, { path, dataPath }: Pick<DeferredPlace, 'path' | 'dataPath'>): void => {
    const value = objectAt(tree, dataPath);
    const below: DeferredObject[] = [];
    if (value === undefined) return;
    completePart(
      {
        schema,
        introspection: {},
        parts,
        path: [...path],
        dataPath: [...dataPath],
        onMismatch: () => undefined,
        onDeferred: (object) => below.push(object),
      },
      shape,
      value,
    );
    for (const { deferred, ...at } of below)
      for (const { defer, shape: later } of deferred) {
        found.set(keyOf({ defer, ...at }), later);
        find(later, at);
      }
  };
  find(splitShape(authorized, supergraph), { path: [], dataPath: [] });
  return found;
}

function keyOf({ defer, path }: Pick<DeferredPlace, 'defer' | 'path'>): string {
  return `${defer.part} ${JSON.stringify(path)}`;
}
