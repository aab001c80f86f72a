/** Execute, after the last fetch: result coercion of scalars and enums. */

import { type GraphQLOutputType, isEnumType } from 'graphql';

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
      return true;
  }
}
