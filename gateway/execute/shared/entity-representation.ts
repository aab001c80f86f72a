/** Execute, before an entity fetch: the `representations` that a subgraph needs to find its entities. */

import { SecurityError } from '@aduana/core/errors/security-error';
import type { QueryPlanSelectionNode } from '@apollo/query-planner';
import type { GraphQLSchema } from 'graphql';
import { isShallow } from './is-leaf-value.ts';
import { getOwn, isJsonObject, type JsonObject, setOwn } from './json-object.ts';
import { isTypeOrSubtype } from '../../planner/type-relation.ts';

/**
 * What a subgraph needs to know of an entity: the fields of `requires`, or undefined where one of them was not fetched.
 * The alias under which it was fetched is not sent. A null is sent as null. `schema` is the whole supergraph: `requires` may name inaccessible fields.
 *
 * @throws SecurityError `SUBGRAPH_ERROR` where a scalar in it is nested too deeply to be sent
 */
export function createRepresentation(
  schema: GraphQLSchema,
  source: JsonObject,
  requires: readonly QueryPlanSelectionNode[],
): JsonObject | undefined {
  const representation = representObject(schema, source, requires);
  return typeof representation?.['__typename'] === 'string' ? representation : undefined;
}

function representObject(
  schema: GraphQLSchema,
  source: JsonObject,
  selections: readonly QueryPlanSelectionNode[],
): JsonObject | undefined {
  const result: JsonObject = {};
  for (const selection of selections) {
    if (selection.kind === 'Field') {
      const { name, alias = name, selections: below } = selection;
      const value = representationValue(schema, getOwn(source, alias), below);
      if (value === undefined) return undefined;
      setOwn(result, name, mergeValues(getOwn(result, name), value));
    } else if (matchesType(schema, source, selection.typeCondition)) {
      const part = representObject(schema, source, selection.selections);
      if (part === undefined) return undefined;
      for (const key of Object.keys(part)) setOwn(result, key, mergeValues(getOwn(result, key), part[key]));
    }
  }
  return result;
}

/**
 * The part of one value of `requires`; undefined where something in it was not fetched.
 *
 * @throws SecurityError `SUBGRAPH_ERROR` where a scalar in it is nested too deeply to be sent
 */
export function representationValue(
  schema: GraphQLSchema,
  value: unknown,
  selections: readonly QueryPlanSelectionNode[] | undefined,
): unknown {
  if (value === undefined || value === null) return value;
  if (selections === undefined) return isShallow(value) ? value : refuseDepth();
  if (!Array.isArray(value))
    return isJsonObject(value) ? representObject(schema, value, selections) : undefined;
  const elements = value.map((element: unknown) => representationValue(schema, element, selections));
  return elements.includes(undefined) ? undefined : elements;
}

/** @throws SecurityError `SUBGRAPH_ERROR`, always */
export function refuseDepth(): never {
  throw new SecurityError('SUBGRAPH_ERROR', { detail: 'a value that another subgraph requires is too deep' });
}

function matchesType(schema: GraphQLSchema, source: JsonObject, typeCondition: string | undefined): boolean {
  if (typeCondition === undefined) return true;
  const typeName = getOwn(source, '__typename');
  return typeof typeName === 'string' && isTypeOrSubtype(schema, typeName, typeCondition);
}

/** What several fragments of `requires` name of one field. */
function mergeValues(known: unknown, more: unknown): unknown {
  if (Array.isArray(known) && Array.isArray(more))
    return more.map((element: unknown, index) => mergeValues(known[index], element));
  if (!isJsonObject(known) || !isJsonObject(more)) return more;
  for (const key of Object.keys(more)) setOwn(known, key, mergeValues(getOwn(known, key), more[key]));
  return known;
}
