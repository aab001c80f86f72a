/** Execute, after the last fetch: result coercion of scalars and enums. */

import { type GraphQLOutputType, isEnumType } from 'graphql';
import type { JsonObject } from './json-object.ts';

/** Whether a subgraph may answer this for a scalar or an enum of the API schema (GraphQL sections 3.5 and 3.9). */
export function isLeafValue(type: GraphQLOutputType, value: unknown): boolean {
  if (isEnumType(type)) return typeof value === 'string' && type.getValue(value) != null;
  switch (String(type)) {
    case 'Int':
      return Number.isInteger(value) && (value as number) >= -(2 ** 31) && (value as number) < 2 ** 31;
    case 'Float':
      return Number.isFinite(value);
    case 'String':
      return typeof value === 'string';
    case 'ID':
      return typeof value === 'string' || Number.isInteger(value);
    case 'Boolean':
      return typeof value === 'boolean';
    default:
      return isShallow(value);
  }
}

/** Of a custom scalar, far below what the engine can write: a deeper one would take the whole answer with it. */
const DEEPEST = 500;

/** Whether what a subgraph answers for a custom scalar can be written at any place of an answer. */
export function isShallow(value: unknown, levels = DEEPEST): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (levels === 0) return false;
  if (Array.isArray(value)) return value.every((element) => isShallow(element, levels - 1));
  for (const name in value) if (!isShallow((value as JsonObject)[name], levels - 1)) return false;
  return true;
}
