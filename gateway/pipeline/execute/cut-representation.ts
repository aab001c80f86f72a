import type { QueryPlanSelectionNode } from '@apollo/query-planner';
import type { GraphQLSchema } from 'graphql';
import { mergeData } from './merge-data.ts';
import { getOwn, isJsonObject, type JsonObject, setOwn } from './own-property.ts';
import { isTypeOrSubtype } from './type-relation.ts';

/**
 * What a subgraph needs to know of an entity: the fields of `requires`, or undefined where one of them was not fetched.
 * A null is sent as null. `schema` is the whole supergraph: `requires` may name inaccessible fields.
 */
export function cutRepresentation(
  schema: GraphQLSchema,
  source: JsonObject,
  requires: readonly QueryPlanSelectionNode[],
): JsonObject | undefined {
  const representation = cutObject(schema, source, requires);
  return typeof representation?.['__typename'] === 'string' ? representation : undefined;
}

function cutObject(
  schema: GraphQLSchema,
  source: JsonObject,
  selections: readonly QueryPlanSelectionNode[],
): JsonObject | undefined {
  const result: JsonObject = {};
  for (const selection of selections) {
    if (selection.kind === 'Field') {
      const key = selection.alias ?? selection.name;
      const value = cutValue(schema, getOwn(source, key), selection.selections);
      if (value === undefined) return undefined;
      mergeData(result, own(key, value));
    } else if (matches(schema, source, selection.typeCondition)) {
      const part = cutObject(schema, source, selection.selections);
      if (part === undefined) return undefined;
      mergeData(result, part);
    }
  }
  return result;
}

function cutValue(
  schema: GraphQLSchema,
  value: unknown,
  selections: readonly QueryPlanSelectionNode[] | undefined,
): unknown {
  if (value === undefined || value === null || selections === undefined) return value;
  if (!Array.isArray(value)) return isJsonObject(value) ? cutObject(schema, value, selections) : undefined;
  const elements = value.map((element: unknown) => cutValue(schema, element, selections));
  return elements.includes(undefined) ? undefined : elements;
}

function matches(schema: GraphQLSchema, source: JsonObject, typeCondition: string | undefined): boolean {
  if (typeCondition === undefined) return true;
  const typeName = getOwn(source, '__typename');
  return typeof typeName === 'string' && isTypeOrSubtype(schema, typeName, typeCondition);
}

function own(key: string, value: unknown): JsonObject {
  const object: JsonObject = {};
  setOwn(object, key, value);
  return object;
}
