/** Execute, before the first fetch: a query plan as steps whose documents and paths are parsed. */

import type { FetchNode, QueryPlan } from '@apollo/query-planner';
import {
  Kind,
  type OperationDefinitionNode,
  parse,
  type SelectionNode,
  type SelectionSetNode,
  type VariableDefinitionNode,
} from 'graphql';
import { foldPlan } from '../../planner/traverse-plan.ts';
import { createSelectionTree, type SelectionTree } from './selection-tree.ts';
import { parseFlattenPath, type PathStep } from './flatten-path.ts';

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

/** What a plan does: fetches, one after the other or side by side, some under a condition. */
export type Step =
  | FetchStep
  | { readonly kind: 'sequence' | 'parallel'; readonly steps: readonly Step[] }
  | {
      readonly kind: 'condition';
      readonly variable: string;
      readonly then: Step | undefined;
      readonly otherwise: Step | undefined;
    }
  | DeferStep;

/** What comes first, and what later, each by the part of the answer that it is for. */
export interface DeferStep {
  readonly kind: 'defer';
  readonly primary: Step | undefined;
  readonly deferred: readonly { readonly part: string | undefined; readonly step: Step | undefined }[];
}

/** The fetch that opens a subscription's stream, and what is fetched for each of its events. */
export interface SubscriptionSteps {
  readonly primary: FetchStep;
  readonly rest: Step | undefined;
}

/** @throws TypeError for a plan that is none of a subscription */
export function createSubscriptionSteps({ kind, node }: QueryPlan): SubscriptionSteps {
  if (node?.kind !== 'Subscription' || (node.primary.operationKind as string) !== 'subscription')
    throw new TypeError('The plan is none of a subscription');
  const { primary, rest } = node;
  return {
    primary: compileFetch(primary, [], 0, 'query'),
    rest: rest === undefined ? undefined : createPlanSteps({ kind, node: rest }, 1),
  };
}

/** @throws TypeError where the plan has a node that this executor does not know: nothing is skipped */
export function createPlanSteps(plan: QueryPlan, firstIndex = 0): Step | undefined {
  let fetches = firstIndex;
  return foldPlan<Step>(plan, {
    fetch: (node, path) => compileFetch(node, parseFlattenPath(path), fetches++),
    flatten: (_, step) => step,
    several: (kind, steps) => ({ kind: kind === 'Sequence' ? 'sequence' : 'parallel', steps }),
    condition: (variable, then, otherwise) => ({ kind: 'condition', variable, then, otherwise }),
    defer: (node, primary, deferred) => ({
      kind: 'defer',
      primary,
      deferred: node.deferred.map(({ label }, index) => ({ part: label, step: deferred[index] })),
    }),
  });
}

function compileFetch(
  node: FetchNode,
  path: readonly PathStep[],
  index: number,
  operationKind: string = node.operationKind,
): FetchStep {
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
