import type { QueryPlan } from '@apollo/query-planner';
import {
  type DocumentNode,
  getNamedType,
  type GraphQLCompositeType,
  type GraphQLSchema,
  isCompositeType,
  isInterfaceType,
  isUnionType,
  Kind,
  parse,
  type SelectionSetNode,
} from 'graphql';
import { fetchesOf } from './traverse-plan.ts';

/**
 * The coordinates that a plan's fetches ask of each subgraph, by the subgraph's name; a field asked for on an
 * interface also counts on each of its implementers, for it is there that a subgraph's guard sees it.
 */
export function readPlannedFields(
  plan: QueryPlan,
  schema: GraphQLSchema,
): ReadonlyMap<string, ReadonlySet<string>> {
  const planned = new Map<string, Set<string>>();
  for (const { serviceName, operation } of fetchesOf(plan)) {
    const fields = planned.get(serviceName) ?? new Set<string>();
    planned.set(serviceName, fields);
    readOperation(parse(operation, { noLocation: true }), schema, fields);
  }
  return planned;
}

function readOperation({ definitions }: DocumentNode, schema: GraphQLSchema, into: Set<string>): void {
  for (const definition of definitions) {
    if (definition.kind === Kind.OPERATION_DEFINITION) {
      readSelections(definition.selectionSet, schema.getRootType(definition.operation) ?? undefined);
    } else if (definition.kind === Kind.FRAGMENT_DEFINITION) {
      readSelections(definition.selectionSet, compositeNamed(definition.typeCondition.name.value));
    }
  }

  function readSelections({ selections }: SelectionSetNode, parent: GraphQLCompositeType | undefined): void {
    for (const selection of selections) {
      if (selection.kind === Kind.INLINE_FRAGMENT) {
        const condition = selection.typeCondition?.name.value;
        readSelections(selection.selectionSet, condition === undefined ? parent : compositeNamed(condition));
      } else if (selection.kind === Kind.FIELD) {
        const name = selection.name.value;
        if (parent !== undefined && !name.startsWith('__')) add(parent, name);
        const type = parent === undefined || isUnionType(parent) ? undefined : parent.getFields()[name]?.type;
        const below = type === undefined ? undefined : getNamedType(type);
        if (selection.selectionSet !== undefined) {
          readSelections(selection.selectionSet, isCompositeType(below) ? below : undefined);
        }
      }
    }
  }

  function add(parent: GraphQLCompositeType, field: string): void {
    into.add(`${parent.name}.${field}`);
    if (isInterfaceType(parent)) {
      for (const { name } of schema.getPossibleTypes(parent)) into.add(`${name}.${field}`);
    }
  }

  function compositeNamed(name: string): GraphQLCompositeType | undefined {
    const type = schema.getType(name);
    return isCompositeType(type) ? type : undefined;
  }
}
