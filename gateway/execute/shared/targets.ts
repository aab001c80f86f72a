import type { GraphQLSchema } from 'graphql';
import { getOwn, isJsonObject, type JsonObject } from './own-property.ts';
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
export function parsePath(path: readonly (string | number)[]): PathStep[] {
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
  let places: Target[] = [from];
  for (const step of path) {
    const next: Target[] = [];
    for (const place of places) for (const child of descend(place, step)) keep(schema, next, child, step);
    places = next;
  }
  return places.filter(({ value }) => isJsonObject(value));
}

function* descend(
  place: Target,
  { field }: PathStep,
): Iterable<{ parent: Target; key: string | number; value: unknown }> {
  if (field === undefined) {
    if (Array.isArray(place.value))
      for (const [key, value] of place.value.entries()) yield { parent: place, key, value };
  } else if (isJsonObject(place.value)) {
    yield { parent: place, key: field, value: getOwn(place.value, field) };
  }
}

function keep(
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
  for (let place: Target | undefined = target; place?.key !== undefined; place = place.parent)
    path.push(place.key);
  return path.reverse();
}
