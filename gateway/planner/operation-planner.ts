import { SecurityError } from '@aduana/core/errors/security-error';
import { operationFromDocument } from '@apollo/federation-internals';
import type { Supergraph } from '@apollo/federation-internals';
import type { QueryPlan, QueryPlanner } from '@apollo/query-planner';
import { type DocumentNode, type GraphQLSchema, visit } from 'graphql';
import type { Account } from '../limits/miss-budget.ts';
import { createVerifyPlan, type VerifyPlan } from './verify-plan.ts';

/** One authorized operation that has no plan yet. */
export interface PlanRequest {
  readonly document: DocumentNode;
  /** Labels of progressive `@override` that hold for this request. */
  readonly overrides: readonly string[];
  /** Who pays for what is done in another thread; undefined where nobody asked. */
  readonly account?: Account | undefined;
}

/**
 * Plans over one supergraph, in this thread (then the plan is there at once) or in another one.
 *
 * @throws SecurityError `OPERATION_NOT_PLANNABLE`, `LIMIT_PLANNING_EXCEEDED`; from another thread `RATE_LIMITED` and
 *   `OVERLOADED` as well
 */
export type FindPlan = (request: PlanRequest) => QueryPlan | Promise<QueryPlan>;

/** A planner, and the supergraph that it was given. */
export interface PlannerOfSupergraph {
  readonly supergraph: Supergraph;
  readonly queryPlanner: QueryPlanner;
  /** Makes of a plan of the planner one over the supergraph's own schema. */
  readonly restorePlan: (plan: QueryPlan) => QueryPlan;
}

export interface PlannersOfSupergraph extends PlannerOfSupergraph {
  /** With inaccessible elements and `@join__*`. */
  readonly supergraphSchema: GraphQLSchema;
  /** The planner for what the first one does not plan, made when first asked for; undefined where there is none. */
  readonly secondPlanner: () => PlannerOfSupergraph | undefined;
}

const LIMIT_MESSAGE = /maximum recursive selections|non-local selections|exceeds limit|too many/i;

/**
 * The plan of the first planner, else of the second one.
 *
 * @returns a function that throws SecurityError `OPERATION_NOT_PLANNABLE` where neither has one, with the planners' own
 *   words in its detail, and `LIMIT_PLANNING_EXCEEDED`
 */
export function createFindPlan(
  planners: PlannersOfSupergraph,
): (request: Pick<PlanRequest, 'document' | 'overrides'>) => QueryPlan {
  let verify: VerifyPlan | undefined;
  const find = (document: DocumentNode, overrides: readonly string[]): QueryPlan => {
    const reasons: string[] = [];
    for (const planner of [() => planners, planners.secondPlanner]) {
      try {
        const found = planner();
        if (found === undefined) continue;
        const plan = buildPlan(document, found, overrides);
        verify ??= createVerifyPlan(planners.supergraphSchema);
        verify(plan);
        return plan;
      } catch (error) {
        if (!(error instanceof SecurityError) || error.code !== 'OPERATION_NOT_PLANNABLE') throw error;
        reasons.push(error.detail ?? error.message);
      }
    }
    throw new SecurityError('OPERATION_NOT_PLANNABLE', { detail: reasons.join('\n') });
  };
  return ({ document, overrides }) => {
    try {
      return find(document, overrides);
    } catch (error) {
      const atOnce = withoutDefer(document);
      const isUnplanned = error instanceof SecurityError && error.code === 'OPERATION_NOT_PLANNABLE';
      if (atOnce === document || !isUnplanned) throw error;
      return find(atOnce, overrides); // then all is fetched for the first part
    }
  };
}

/** The same document where nothing is deferred. */
function withoutDefer(document: DocumentNode): DocumentNode {
  return visit(document, { Directive: ({ name }) => (name.value === 'defer' ? null : undefined) });
}

function buildPlan(
  document: DocumentNode,
  { supergraph, queryPlanner, restorePlan }: PlannerOfSupergraph,
  overrides: readonly string[],
): QueryPlan {
  const plan = inOurWords(() =>
    queryPlanner.buildQueryPlan(operationFromDocument(supergraph.apiSchema(), document), {
      recursiveSelectionsLimitDisabled: false,
      nonLocalSelectionsLimitDisabled: false,
      overrideConditions: new Map(overrides.map((label) => [label, true])),
    }),
  );
  if (plan.node === undefined) {
    throw new SecurityError('OPERATION_NOT_PLANNABLE', {
      detail: 'No subgraph is asked for what was selected',
    });
  }
  return restorePlan(plan);
}

/** @throws SecurityError `LIMIT_PLANNING_EXCEEDED` or `OPERATION_NOT_PLANNABLE` instead of the planner's own errors */
function inOurWords(planning: () => QueryPlan): QueryPlan {
  try {
    return planning();
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : 'The planner failed';
    const code = LIMIT_MESSAGE.test(detail) ? 'LIMIT_PLANNING_EXCEEDED' : 'OPERATION_NOT_PLANNABLE';
    throw new SecurityError(code, { detail, cause });
  }
}
