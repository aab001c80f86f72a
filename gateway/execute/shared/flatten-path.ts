/**
 * Execute, around an entity fetch: the path of a `Flatten` node of the plan, and the objects it leads to in what
 * was fetched so far.
 */

import type { GraphQLSchema } from 'graphql';
import { getOwn, isJsonObject, type JsonObject } from './json-object.ts';
import { refuseResponseSize } from './response-size.ts';
import { isTypeOrSubtype } from '../../planner/type-relation.ts';

/** One step of a plan's path: a field, or every element of a list; perhaps only objects of some types. */
export interface PathStep {
  /** Undefined for `"@"`. */
  readonly field: string | undefined;
  readonly types: readonly string[] | undefined;
}

/** An object or a list that a path leads to. What several places share is one target, with every way to it. */
export interface Target {
  readonly value: JsonObject | readonly unknown[];
  /** In the order of the answer; none for the root. */
  readonly ways: readonly Way[];
  /** Where the path leads from here. */
  readonly below: readonly { readonly key: string | number; readonly target: Target }[];
}

/** The last step of the ways to a target through one that it lies in. */
export interface Way {
  readonly parent: Target;
  readonly key: string | number;
}

/** Places that one fetch may look at by themselves, each with what lies above it. */
const MOST_TARGETS = 200_000;
const PATH_ELEMENT = /^(@|[_A-Za-z][_0-9A-Za-z]*)(?:\|\[([_0-9A-Za-z, ]+)\])?$/;

/** @throws TypeError where an element has an unknown form: skipping it would lose data silently */
export function parseFlattenPath(path: readonly (string | number)[]): PathStep[] {
  return path.map((element) => {
    const [, name, types] = PATH_ELEMENT.exec(String(element)) ?? [];
    if (name === undefined || typeof element === 'number')
      throw new TypeError(`The plan has an unknown path element: ${String(element)}`);
    return {
      field: name === '@' ? undefined : name,
      types: types === undefined ? undefined : types.split(',').map((type) => type.trim()),
    };
  });
}

/** The target that all ways begin at. */
export function rootTarget(value: JsonObject): GrowingTarget {
  return { value, ways: [], below: [] };
}

interface GrowingTarget extends Target {
  readonly ways: Way[];
  readonly below: { key: string | number; target: GrowingTarget }[];
}

/**
 * The objects at the end of a path, in the order of the answer; nulls on the way end their branch.
 *
 * @param places whether each place is a target of its own, also where several share an object
 * @throws SecurityError `SUBGRAPH_ERROR` where those are too many
 */
export function findTargets(
  schema: GraphQLSchema,
  from: GrowingTarget,
  path: readonly PathStep[],
  places: 'shared' | 'each',
): Target[] {
  let targets = [from];
  for (const { field, types } of path) {
    const known = new Map<object, GrowingTarget>();
    const next: GrowingTarget[] = [];
    const add = (parent: GrowingTarget, key: string | number, value: unknown): void => {
      if (!isWanted(schema, value, types)) return;
      let target = known.get(value);
      if (target === undefined) {
        next.push((target = { value, ways: [], below: [] }));
        if (places === 'shared') known.set(value, target);
        else if (next.length > MOST_TARGETS) refuseResponseSize();
      }
      target.ways.push({ parent, key });
      parent.below.push({ key, target });
    };
    for (const target of targets) {
      const { value } = target;
      if (field !== undefined) {
        if (isJsonObject(value)) add(target, field, getOwn(value, field));
      } else if (Array.isArray(value)) {
        for (const [key, element] of value.entries()) add(target, key, element);
      }
    }
    targets = next;
  }
  return targets.filter(({ value }) => isJsonObject(value));
}

function isWanted(
  schema: GraphQLSchema,
  value: unknown,
  types: PathStep['types'],
): value is JsonObject | readonly unknown[] {
  if (typeof value !== 'object' || value === null) return false;
  if (types === undefined || !isJsonObject(value)) return true;
  const typeName = getOwn(value, '__typename');
  return typeof typeName === 'string' && types.some((type) => isTypeOrSubtype(schema, typeName, type));
}

/** Response keys and list indices from the root down to the first place of the target. */
export function firstPath(target: Target): (string | number)[] {
  const path: (string | number)[] = [];
  for (let [way] = target.ways; way !== undefined; [way] = way.parent.ways) path.push(way.key);
  return path.reverse();
}

/**
 * Response keys and list indices from the root down to each place of some targets of one path, in the order of the answer.
 *
 * @param most where there are more, others are left out
 */
export function targetPaths(
  targets: readonly Target[],
  most: number,
): readonly (readonly (string | number)[])[] {
  const paths: (string | number)[][] = [];
  const climb = ({ ways }: Target, below: readonly (string | number)[]): void => {
    if (ways.length === 0) paths.push([...below].reverse());
    for (const { parent, key } of ways) {
      if (paths.length >= most) return;
      climb(parent, [...below, key]);
    }
  };
  for (const target of targets) if (paths.length < most) climb(target, []);
  return paths.sort(compareIndices);
}

/** All keys but the indices are the same: the paths are of one path in the plan. */
function compareIndices(one: readonly (string | number)[], other: readonly (string | number)[]): number {
  const at = one.findIndex((key, index) => key !== other[index]);
  return at === -1 ? 0 : Number(one[at]) - Number(other[at]);
}
