/** Execute, compiler, analysis: the `__typename` that a representation is sent with. */

import type { FetchDataRewrite } from '@apollo/query-planner';
import type { GraphQLSchema } from 'graphql';
import { isTypeOrSubtype } from '../../planner/type-relation.ts';
import type { FetchStep } from '../shared/plan-steps.ts';

const FRAGMENT = '... on ';

/** The types that a rewrite is for, and what their objects are said to be instead; undefined for any other rewrite. */
export function renamedType(
  rewrite: FetchDataRewrite,
): { readonly of: string; readonly as: string } | undefined {
  if (rewrite.kind !== 'ValueSetter') return undefined;
  const [fragment, field, ...more] = rewrite.path;
  const as: unknown = rewrite.setValueTo;
  if (fragment?.startsWith(FRAGMENT) !== true || field !== '__typename' || more.length > 0) return undefined;
  return typeof as === 'string' ? { of: fragment.slice(FRAGMENT.length), as } : undefined;
}

/** The type that a subgraph is sent for an object of this type: one with an interface object knows the interface's name alone. */
export function sentType(
  schema: GraphQLSchema,
  typeName: string,
  { inputRewrites = [] }: Pick<FetchStep, 'inputRewrites'>,
): string {
  return inputRewrites.reduce((type, rewrite) => {
    const renamed = renamedType(rewrite);
    return renamed !== undefined && isTypeOrSubtype(schema, type, renamed.of) ? renamed.as : type;
  }, typeName);
}
