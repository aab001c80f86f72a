/** Execute, compiler, analysis: the fields of one type in a fetch's `requires`. */

import type { QueryPlanFieldNode, QueryPlanSelectionNode } from '@apollo/query-planner';
import type { GraphQLSchema } from 'graphql';
import { isTypeOrSubtype } from '../../planner/type-relation.ts';

/** The fields that `requires` names for objects of one type, none where it is not for them; undefined where it names one of them twice. */
export function requiredFields(
  schema: GraphQLSchema,
  typeName: string,
  requires: readonly QueryPlanSelectionNode[],
): readonly QueryPlanFieldNode[] | undefined {
  const fields = collect(schema, typeName, requires);
  const names = new Set(fields.map(({ name }) => name));
  if (fields.length === 0) return fields;
  return names.size === fields.length && names.has('__typename') ? fields : undefined;
}

function collect(
  schema: GraphQLSchema,
  typeName: string,
  nodes: readonly QueryPlanSelectionNode[],
): QueryPlanFieldNode[] {
  return nodes.flatMap((node) => {
    if (node.kind === 'Field') return [node];
    const { typeCondition, selections } = node;
    const holds = typeCondition === undefined || isTypeOrSubtype(schema, typeName, typeCondition);
    return holds ? collect(schema, typeName, selections) : [];
  });
}
