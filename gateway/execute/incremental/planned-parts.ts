/** Execute, incremental delivery: which part a place is of, and which step is for it. */

import type { DeferredObject, DeferredPlace } from '../shared/complete-response.ts';
import type { DeferStep, Step } from '../shared/plan-steps.ts';

export type PlannedParts = ReadonlyMap<string | undefined, Step | undefined>;

/** A part, and its places: found when it is completed, since a long list has many of them in each part. */
export type Part = readonly [part: string, places: () => readonly DeferredPlace[]];

/** The parts of what comes later of some objects. */
export function partsOf(objects: readonly DeferredObject[]): readonly Part[] {
  const lists = new Set(objects.map(({ deferred }) => deferred)); // those of one shape share theirs
  const parts = new Set([...lists].flatMap((deferred) => deferred.map(({ defer }) => defer.part)));
  return [...parts].map((part) => [part, () => placesOf(objects, part)]);
}

function placesOf(objects: readonly DeferredObject[], part: string): readonly DeferredPlace[] {
  const places: DeferredPlace[] = [];
  for (const { deferred, path, dataPath } of objects)
    for (const { defer, shape } of deferred)
      if (defer.part === part) places.push({ defer, shape, path, dataPath });
  return places;
}

/** With those that were planned further up, for parts that the planner has not put below what they lie in. */
export function plannedOf(deferred: DeferStep['deferred'], above: PlannedParts): PlannedParts {
  return new Map([...above, ...deferred.map(({ part, step }) => [part, step] as const)]);
}
