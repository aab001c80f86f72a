import type { FetchNode, PlanNode, QueryPlan } from '@apollo/query-planner';
import {
  Kind,
  type OperationDefinitionNode,
  parse,
  type SelectionNode,
  type SelectionSetNode,
  type VariableDefinitionNode,
} from 'graphql';
import { createSelectionTree, type SelectionTree } from './selection-tree.ts';
import { parsePath, type PathStep } from './targets.ts';

/** One request to one subgraph, for all places under `path` at once. */
export interface FetchStep {
  readonly kind: 'fetch';
  /** Unique within the plan, in plan order. */
  readonly index: number;
  readonly subgraph: string;
  readonly path: readonly PathStep[];
  readonly query: string;
  readonly operationName: string | undefined;
  readonly operationKind: 'query' | 'mutation';
  readonly variableUsages: readonly string[];
  readonly requires: FetchNode['requires'];
  readonly inputRewrites: FetchNode['inputRewrites'];
  readonly outputRewrites: FetchNode['outputRewrites'];
  readonly contextRewrites: FetchNode['contextRewrites'];
  /** What the fetch adds to each of its places. */
  readonly selections: readonly SelectionNode[];
  /** The keys of `selections`. */
  readonly tree: SelectionTree;
  readonly fragments: ReadonlyMap<string, SelectionSetNode>;
  readonly variableDefinitions: readonly VariableDefinitionNode[];
}

export type Step =
  | FetchStep
  | { readonly kind: 'sequence' | 'parallel'; readonly steps: readonly Step[] }
  | {
      readonly kind: 'condition';
      readonly variable: string;
      readonly then: Step | undefined;
      readonly otherwise: Step | undefined;
    };

/** @throws TypeError where the plan has a node that this executor does not know: nothing is skipped */
export function compilePlan(plan: QueryPlan): Step | undefined {
  let fetches = 0;
  const compile = (node: PlanNode, path: readonly PathStep[]): Step => {
    switch (node.kind) {
      case 'Sequence':
      case 'Parallel':
        return {
          kind: node.kind === 'Sequence' ? 'sequence' : 'parallel',
          steps: node.nodes.map((child) => compile(child, path)),
        };
      case 'Flatten':
        return compile(node.node, [...path, ...parsePath(node.path)]);
      case 'Condition':
        return {
          kind: 'condition',
          variable: node.condition,
          then: node.ifClause === undefined ? undefined : compile(node.ifClause, path),
          otherwise: node.elseClause === undefined ? undefined : compile(node.elseClause, path),
        };
      case 'Fetch':
        return compileFetch(node, path, fetches++);
      default:
        throw new TypeError(`The plan has a node that is not supported: ${(node as { kind: string }).kind}`);
    }
  };
  return plan.node === undefined ? undefined : compile(plan.node as PlanNode, []);
}

function compileFetch(node: FetchNode, path: readonly PathStep[], index: number): FetchStep {
  const operationKind = node.operationKind as string;
  if (operationKind !== 'query' && operationKind !== 'mutation')
    throw new TypeError('The plan has a fetch that is neither a query nor a mutation');
  const { operation, fragments } = readOperation(node.operation);
  const selections =
    node.requires === undefined
      ? operation.selectionSet.selections
      : entitySelections(operation.selectionSet);
  return {
    kind: 'fetch',
    index,
    subgraph: node.serviceName,
    path,
    query: node.operation,
    operationName: node.operationName,
    operationKind,
    variableUsages: node.variableUsages ?? [],
    requires: node.requires,
    inputRewrites: node.inputRewrites,
    outputRewrites: node.outputRewrites,
    contextRewrites: node.contextRewrites,
    selections,
    fragments,
    variableDefinitions: operation.variableDefinitions ?? [],
    tree: createSelectionTree(selections, fragments, (key) => {
      const renamer = node.outputRewrites?.find((rewrite) => rewrite.path.at(-1) === key);
      return renamer?.kind === 'KeyRenamer' ? renamer.renameKeyTo : undefined;
    }),
  };
}

function readOperation(text: string): {
  operation: OperationDefinitionNode;
  fragments: ReadonlyMap<string, SelectionSetNode>;
} {
  const { definitions } = parse(text, { noLocation: true });
  const operation = definitions.find(({ kind }) => kind === Kind.OPERATION_DEFINITION);
  if (operation?.kind !== Kind.OPERATION_DEFINITION)
    throw new TypeError('The plan has a fetch without operation');
  const fragments = new Map<string, SelectionSetNode>();
  for (const definition of definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION)
      fragments.set(definition.name.value, definition.selectionSet);
  return { operation, fragments };
}

function entitySelections({ selections }: SelectionSetNode): readonly SelectionNode[] {
  const [entities] = selections;
  if (selections.length !== 1 || entities?.kind !== Kind.FIELD || entities.name.value !== '_entities')
    throw new TypeError('The plan has an entity fetch that does not select _entities alone');
  return entities.selectionSet?.selections ?? [];
}
