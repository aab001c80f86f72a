import type { FetchNode, PlanNode, QueryPlan, QueryPlanSelectionNode } from '@apollo/query-planner';
import { parse, print, stripIgnoredCharacters, visit } from 'graphql';

/** The plan with the names that fields have; those that they were given for the planner are aliases. */
export function restorePlan(plan: QueryPlan, originals: ReadonlyMap<string, string>): QueryPlan {
  return mapFetches(plan, (fetch) => restoreFetch(fetch, originals));
}

/** The plan with each of its fetches replaced. */
export function mapFetches(plan: QueryPlan, map: (fetch: FetchNode) => FetchNode): QueryPlan {
  const { node } = plan;
  return node === undefined || node.kind === 'Subscription' ? plan : { ...plan, node: mapNode(node, map) };
}

function mapNode(node: PlanNode, map: (fetch: FetchNode) => FetchNode): PlanNode {
  switch (node.kind) {
    case 'Fetch':
      return map(node);
    case 'Flatten':
      return { ...node, node: mapNode(node.node, map) };
    case 'Sequence':
    case 'Parallel':
      return { ...node, nodes: node.nodes.map((child) => mapNode(child, map)) };
    case 'Condition': {
      const { ifClause, elseClause } = node;
      return {
        ...node,
        ...(ifClause !== undefined && { ifClause: mapNode(ifClause, map) }),
        ...(elseClause !== undefined && { elseClause: mapNode(elseClause, map) }),
      };
    }
    case 'Defer':
      throw new TypeError('Plans are made without @defer');
  }
}

function restoreFetch(fetch: FetchNode, originals: ReadonlyMap<string, string>): FetchNode {
  const operation = visit(parse(fetch.operation, { noLocation: true }), {
    Field: ({ name, alias = name, ...node }) => {
      const value = originals.get(name.value);
      return value === undefined ? undefined : { ...node, alias, name: { ...name, value } };
    },
  });
  const restoreNode = (node: QueryPlanSelectionNode): QueryPlanSelectionNode => {
    if (node.kind !== 'Field') return { ...node, selections: node.selections.map(restoreNode) };
    const original = originals.get(node.name);
    return {
      ...node,
      ...(original !== undefined && { name: original, alias: node.alias ?? node.name }),
      ...(node.selections !== undefined && { selections: node.selections.map(restoreNode) }),
    };
  };
  return {
    ...fetch,
    operation: stripIgnoredCharacters(print(operation)),
    ...(fetch.requires !== undefined && { requires: fetch.requires.map(restoreNode) }),
  };
}
