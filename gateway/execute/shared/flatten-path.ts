/**
 * Execute, around an entity fetch: the path of a `Flatten` node of the plan, and the objects it leads to in what
 * was fetched so far.
 */

import type { GraphQLSchema } from 'graphql';
import { getOwn, isJsonObject, type JsonObject } from './json-object.ts';
import { isTypeOrSubtype } from '../../planner/type-relation.ts';

/** One step of a plan's path: a field, or every element of a list; perhaps only objects of some types. */
export interface PathStep {
  /** Undefined for `"@"`. */
  readonly field: string | undefined;
  readonly types: readonly string[] | undefined;
}

/** A place in the tree, and the way to it. */
export interface Target {
  readonly value: JsonObject | readonly unknown[];
  readonly parent: Target | undefined;
  readonly key: string | number | undefined;
}

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

/** The objects at the end of a path, in the order of the answer; nulls on the way end their branch. */
export function findTargets(schema: GraphQLSchema, from: Target, path: readonly PathStep[]): Target[] {
  let targets: Target[] = [from];
  for (const step of path) {
    const next: Target[] = [];
    for (const target of targets)
      for (const child of childrenOf(target, step)) addTarget(schema, next, child, step);
    targets = next;
  }
  return targets.filter(({ value }) => isJsonObject(value));
}

function* childrenOf(
  parent: Target,
  { field }: PathStep,
): Iterable<{ parent: Target; key: string | number; value: unknown }> {
  if (field === undefined) {
    if (Array.isArray(parent.value))
      for (const [key, value] of parent.value.entries()) yield { parent, key, value };
  } else if (isJsonObject(parent.value)) {
    yield { parent, key: field, value: getOwn(parent.value, field) };
  }
}

function addTarget(
  schema: GraphQLSchema,
  into: Target[],
  { parent, key, value }: { parent: Target; key: string | number; value: unknown },
  { types }: PathStep,
): void {
  if (typeof value !== 'object' || value === null) return;
  if (types !== undefined && isJsonObject(value)) {
    const typeName = getOwn(value, '__typename');
    if (typeof typeName !== 'string' || !types.some((type) => isTypeOrSubtype(schema, typeName, type)))
      return;
  }
  into.push({ parent, key, value: value as JsonObject | unknown[] });
}

/** Response keys and list indices from the root down to the target. */
export function targetPath(target: Target): (string | number)[] {
  const path: (string | number)[] = [];
  for (let step: Target | undefined = target; step?.key !== undefined; step = step.parent)
    path.push(step.key);
  return path.reverse();
}
