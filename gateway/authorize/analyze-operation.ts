import type { Needs } from '@aduana/subgraph/graphql/needs';
import type { Requirements } from '@aduana/subgraph/graphql/requirements';
import {
  type FragmentDefinitionNode,
  getNamedType,
  type GraphQLCompositeType,
  type GraphQLSchema,
  isCompositeType,
  isUnionType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import { conditionVariables, isDefer } from './conditions.ts';

export type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

/** What of a caller and of a request decides how an operation is rewritten. */
export interface OperationAnalysis {
  readonly scopes: readonly string[];
  readonly policies: readonly string[];
  readonly conditionVariables: readonly string[];
  /** Something of it may come later. */
  readonly defers: boolean;
}

/** Reads each part of an operation once, without expanding its fragments. */
export function analyzeOperation(
  operation: OperationDefinitionNode,
  fragments: Fragments,
  schema: GraphQLSchema,
  needs: Needs,
  { distinct }: Requirements,
): OperationAnalysis {
  const needed = new Set<number>();
  const variables = new Set<string>();
  const seen = new Set<string>();
  let defers = false;
  const root = schema.getRootType(operation.operation);
  if (root) visitSelections(operation.selectionSet, root);
  const requirements = [...needed].flatMap((number) => distinct[number] ?? []);
  return {
    scopes: unique(requirements.flatMap(({ scopes }) => scopes.flat())),
    policies: unique(requirements.flatMap(({ policies }) => policies.flat())),
    conditionVariables: [...variables].sort(),
    defers,
  };

  function visitSelections({ selections }: SelectionSetNode, parent: GraphQLCompositeType): void {
    for (const selection of selections) {
      for (const name of conditionVariables(selection)) variables.add(name);
      defers ||= selection.directives?.some(isDefer) === true;
      if (selection.kind === Kind.FIELD) {
        for (const number of needs.ofField(parent, selection.name.value)) needed.add(number);
        const type = fieldType(parent, selection.name.value);
        if (selection.selectionSet !== undefined && type !== undefined)
          visitSelections(selection.selectionSet, type);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        enter(selection.selectionSet, selection.typeCondition?.name.value, parent);
      } else {
        const fragment = fragments.get(selection.name.value);
        if (fragment === undefined || seen.has(selection.name.value)) continue;
        seen.add(selection.name.value);
        enter(fragment.selectionSet, fragment.typeCondition.name.value, parent);
      }
    }
  }

  function enter(set: SelectionSetNode, condition: string | undefined, parent: GraphQLCompositeType): void {
    const type = condition === undefined ? parent : schema.getType(condition);
    if (!isCompositeType(type)) return;
    if (condition !== undefined) for (const number of needs.ofType(condition)) needed.add(number);
    visitSelections(set, type);
  }
}

function fieldType(parent: GraphQLCompositeType, field: string): GraphQLCompositeType | undefined {
  const returned = isUnionType(parent) ? undefined : parent.getFields()[field]?.type;
  const type = returned === undefined ? undefined : getNamedType(returned);
  return isCompositeType(type) ? type : undefined;
}

function unique(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort();
}
