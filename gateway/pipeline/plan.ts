import { SecurityError } from '@aduana/core/errors/security-error';
import { operationFromDocument } from '@apollo/federation-internals';
import type { QueryPlan } from '@apollo/query-planner';
import type { DocumentNode } from 'graphql';
import type { LoadedSupergraph } from '../supergraph/loaded-supergraph.ts';
import { chooseOverrides, readOverrideLabels } from './override-labels.ts';
import type { MissBudget } from './rewrite/miss-budget.ts';
import type { Authorized } from './stages.ts';
import {
  createTextBoundedCache,
  createTextEntry,
  type TextBoundedCache,
  type TextEntry,
} from './text-bounded-cache.ts';
import { createVerifyPlan, type VerifyPlan } from './verify-plan.ts';

/** The same object for the same operation. */
export interface Planned {
  readonly plan: QueryPlan;
}

type KeptPlan = Planned & TextEntry;

/** What is known for one supergraph, and goes with it. */
interface Plans {
  readonly labels: readonly string[];
  readonly byKey: TextBoundedCache<KeptPlan>;
  readonly verify: VerifyPlan;
}

/** The plan of the authorized document, which belongs to this supergraph; undefined where there is nothing to fetch. */
export type Plan = (authorized: Authorized, supergraph: LoadedSupergraph) => Planned | undefined;

export interface PlanOptions {
  readonly budget?: MissBudget;
}

const KEPT = { entries: 2_000, characters: 2_097_152 } as const;
const LIMIT_MESSAGE = /maximum recursive selections|non-local selections|exceeds limit|too many/i;

/** Plans what a caller may run: the cache is keyed by the document that is executed, never by the one that was sent. */
export function createPlan({ budget = () => true }: PlanOptions = {}): Plan {
  const bySupergraph = new WeakMap<LoadedSupergraph, Plans>();
  const near = new WeakMap<DocumentNode, KeptPlan>();
  return ({ caller, trace, document, operationKey, operationLength }, supergraph) => {
    if (document === undefined) return undefined;
    let plans = bySupergraph.get(supergraph);
    if (plans === undefined) bySupergraph.set(supergraph, (plans = openPlans(supergraph)));
    const { labels, byKey, verify } = plans;
    const met = labels.length === 0 ? near.get(document) : undefined;
    if (met?.kept === true) {
      met.used = true;
      return met;
    }
    const overrides = chooseOverrides(labels, trace.traceId);
    const key = [operationKey, ...overrides].join(' ');
    let planned = byKey.get(key);
    if (planned === undefined) {
      const plan = buildPlan(document, supergraph, overrides);
      verify(plan);
      planned = { plan, ...createTextEntry(key, operationLength) };
      if (budget(caller)) byKey.add(planned);
    }
    if (planned.kept && labels.length === 0) near.set(document, planned);
    return planned;
  };
}

function openPlans({ supergraphSchema }: LoadedSupergraph): Plans {
  return {
    labels: readOverrideLabels(supergraphSchema),
    byKey: createTextBoundedCache(KEPT),
    verify: createVerifyPlan(supergraphSchema),
  };
}

function buildPlan(
  document: DocumentNode,
  { supergraph, queryPlanner, restorePlan }: LoadedSupergraph,
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
    throw new SecurityError(
      LIMIT_MESSAGE.test(detail) ? 'LIMIT_PLANNING_EXCEEDED' : 'OPERATION_NOT_PLANNABLE',
      {
        detail,
        cause,
      },
    );
  }
}
