import type { DeferNode, FetchNode, FlattenNode, PlanNode, QueryPlan } from '@apollo/query-planner';

/** The elements of a plan's path, from the root of the answer down. */
export type PlanPath = readonly (string | number)[];

/** What becomes of each node, given what became of its children. */
export interface PlanFold<Result> {
  /** @param path of all the nodes around the fetch that flatten */
  fetch(node: FetchNode, path: PlanPath): Result;
  flatten(node: FlattenNode, child: Result): Result;
  several(kind: 'Sequence' | 'Parallel', children: Result[]): Result;
  condition(variable: string, then: Result | undefined, otherwise: Result | undefined): Result;
  /** @param deferred in the order of the node's own */
  defer(node: DeferNode, primary: Result | undefined, deferred: (Result | undefined)[]): Result;
}

/**
 * Handles every node of a plan once, in the plan's order; undefined where nothing is to fetch.
 *
 * @throws TypeError where the plan has a node that is not supported: nothing is skipped
 */
export function foldPlan<Result>({ node }: QueryPlan, fold: PlanFold<Result>): Result | undefined {
  return node === undefined ? undefined : foldNode(node as PlanNode, [], fold);
}

function foldNode<Result>(node: PlanNode, path: PlanPath, fold: PlanFold<Result>): Result {
  const clause = (child: PlanNode | undefined) => child && foldNode(child, path, fold);
  switch (node.kind) {
    case 'Fetch':
      return fold.fetch(node, path);
    case 'Flatten':
      return fold.flatten(node, foldNode(node.node, [...path, ...node.path], fold));
    case 'Sequence':
    case 'Parallel':
      return fold.several(
        node.kind,
        node.nodes.map((child) => foldNode(child, path, fold)),
      );
    case 'Condition':
      return fold.condition(node.condition, clause(node.ifClause), clause(node.elseClause));
    case 'Defer':
      return fold.defer(
        node,
        clause(node.primary.node),
        node.deferred.map((deferred) => clause(deferred.node)),
      );
    default:
      throw new TypeError(`The plan has a node that is not supported: ${(node as { kind: string }).kind}`);
  }
}

/** The fetches of a plan, in its order. */
export function fetchesOf(plan: QueryPlan): readonly FetchNode[] {
  const fetches: FetchNode[] = [];
  mapFetches(plan, (fetch) => {
    fetches.push(fetch);
    return fetch;
  });
  return fetches;
}

/** The plan with each of its fetches replaced; that of a subscription keeps the one that opens its stream whole. */
export function mapFetches(plan: QueryPlan, map: (fetch: FetchNode) => PlanNode): QueryPlan {
  if (plan.node?.kind === 'Subscription') {
    const { primary, rest } = plan.node;
    const opened = map(primary);
    if (opened.kind !== 'Fetch') throw new TypeError('A subscription would open several streams');
    const mapped = rest && (mapFetches({ ...plan, node: rest }, map).node as PlanNode);
    return {
      ...plan,
      node: { kind: 'Subscription', primary: opened, ...(mapped === undefined ? {} : { rest: mapped }) },
    };
  }
  const node = foldPlan<PlanNode>(plan, {
    fetch: map,
    flatten: (flatten, child) => ({ ...flatten, node: child }),
    several: (kind, nodes) => ({ kind, nodes }),
    condition: (condition, ifClause, elseClause) => ({
      kind: 'Condition',
      condition,
      ...(ifClause !== undefined && { ifClause }),
      ...(elseClause !== undefined && { elseClause }),
    }),
    defer: ({ primary, deferred }, first, rest) => ({
      kind: 'Defer',
      primary: withNode(primary, first),
      deferred: deferred.map((one, index) => withNode(one, rest[index])),
    }),
  });
  return node === undefined ? plan : { ...plan, node };
}

function withNode<Part extends { readonly node?: PlanNode }>(part: Part, node: PlanNode | undefined): Part {
  return node === undefined ? part : { ...part, node };
}
