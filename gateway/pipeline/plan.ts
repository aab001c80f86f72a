import { SecurityError } from '@aduana/core/errors/security-error';
import { operationFromDocument } from '@apollo/federation-internals';
import type { QueryPlan } from '@apollo/query-planner';
import type { DocumentNode } from 'graphql';
import type { LoadedSupergraph } from '../supergraph/loaded-supergraph.ts';
import { chooseOverrides, readOverrideLabels } from './override-labels.ts';
import type { MissBudget } from './rewrite/miss-budget.ts';
import type { Authorized } from './stages.ts';
import { createTextBounded, type Kept } from './text-bounded.ts';

/** A plan and the key that it is kept under; the same object for the same operation. */
export interface Planned {
  readonly plan: QueryPlan;
  readonly key: string;
}

type KeptPlan = Planned & Kept;

/** The plan of the authorized document, which belongs to this supergraph; undefined where there is nothing to fetch. */
export type Plan = (authorized: Authorized, supergraph: LoadedSupergraph) => Planned | undefined;

export interface PlanOptions {
  readonly budget?: MissBudget;
}

const KEPT = { entries: 2_000, characters: 2_097_152 } as const;
const LIMIT_MESSAGE = /maximum recursive selections|non-local selections|exceeds limit|too many/i;

/** Plans what a caller may run: the cache is keyed by the document that is executed, never by the one that was sent. */
export function createPlan({ budget = () => true }: PlanOptions = {}): Plan {
  const plans = createTextBounded<KeptPlan>(KEPT);
  const near = new WeakMap<DocumentNode, KeptPlan>();
  const labels = new WeakMap<LoadedSupergraph, readonly string[]>();
  const labelsOf = (supergraph: LoadedSupergraph): readonly string[] => {
    let known = labels.get(supergraph);
    if (known === undefined)
      labels.set(supergraph, (known = readOverrideLabels(supergraph.supergraphSchema)));
    return known;
  };
  return ({ caller, trace, document, operationKey, operationLength }, supergraph) => {
    if (document === undefined) return undefined;
    const labelled = labelsOf(supergraph);
    const met = labelled.length === 0 ? near.get(document) : undefined;
    if (met !== undefined) {
      met.used = true;
      return met;
    }
    const overrides = chooseOverrides(labelled, trace.traceId);
    const key = [supergraph.hash, operationKey, ...overrides].join(' ');
    let planned = plans.get(key);
    if (planned === undefined) {
      const plan = buildPlan(document, supergraph, overrides);
      planned = { plan, key, characters: operationLength, used: false };
      if (budget(caller)) plans.add(planned);
    }
    planned.used = true;
    if (labelled.length === 0) near.set(document, planned);
    return planned;
  };
}

function buildPlan(
  document: DocumentNode,
  { supergraph, queryPlanner }: LoadedSupergraph,
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
  return plan;
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
