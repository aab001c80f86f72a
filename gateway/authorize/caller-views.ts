import { createNeeds } from '@aduana/subgraph/graphql/needs';
import { isMet, type Rights } from '@aduana/subgraph/graphql/requirement';
import { createBoundedCache } from '@aduana/core/platform/bounded-cache';
import type { Clock } from '@aduana/core/platform/clock';
import { type DocumentNode, type GraphQLSchema, isCompositeType, parse, printSchema } from 'graphql';
import type { LoadedSupergraph } from '../supergraph/loaded-supergraph.ts';
import { callerKey } from '../limits/caller-key.ts';
import { type MissBudget, UNLIMITED } from '../limits/miss-budget.ts';
import type { Caller } from '../stages.ts';
import { buildVisibleSchema } from './visible-schema.ts';

/**
 * The API schema as a caller with these rights may see it; the same object for the same rights.
 *
 * @throws SecurityError `RATE_LIMITED` where it has to be made, and the caller's account is empty
 */
export type CallerViews = (supergraph: LoadedSupergraph, rights: Rights, caller: Caller) => GraphQLSchema;

export interface CallerViewsOptions {
  readonly clock: Clock;
  /** How many views are kept. */
  readonly capacity?: number;
  readonly budget?: MissBudget;
}

const DEFAULT_CAPACITY = 100;
/** Of all views, what one caller may have made: with n scopes it has 2^n. */
const SHARE = 0.25;
const CALLERS_KNOWN = 10_000;

/** What all views of one supergraph are made from. */
interface Source {
  readonly document: DocumentNode;
  readonly needs: ReturnType<typeof createNeeds>;
}

/** Views are kept by the truth of each distinct requirement, so that callers with equal rights share one. */
export function createCallerViews({
  clock,
  capacity = DEFAULT_CAPACITY,
  budget = UNLIMITED,
}: CallerViewsOptions): CallerViews {
  const views = createBoundedCache<GraphQLSchema>(clock, capacity);
  const madeBy = createBoundedCache<string[]>(clock, CALLERS_KNOWN);
  const sources = new WeakMap<LoadedSupergraph, Source>();

  function keep(key: string, view: GraphQLSchema, owner: string): void {
    const own = madeBy.get(owner) ?? [];
    madeBy.set(owner, own);
    own.push(key);
    const oldest = own.length > capacity * SHARE ? own.shift() : undefined;
    if (oldest !== undefined) views.delete(oldest);
    views.set(key, view);
  }

  return (supergraph, rights, caller) => {
    const met = supergraph.requirements.distinct.map((requirement) => isMet(requirement, rights));
    if (met.every(Boolean)) return supergraph.apiSchema;
    const key = `${supergraph.hash} ${met.map(Number).join('')}`;
    const known = views.get(key);
    if (known !== undefined) return known;
    const view = budget.spend(caller, () => filter(supergraph, (number) => met[number] === true));
    keep(key, view, callerKey(caller));
    return view;
  };

  function filter(supergraph: LoadedSupergraph, meets: (requirement: number) => boolean): GraphQLSchema {
    const { apiSchema, supergraphSchema, requirements } = supergraph;
    let source = sources.get(supergraph);
    if (source === undefined) {
      const document = parse(printSchema(apiSchema));
      sources.set(supergraph, (source = { document, needs: createNeeds(supergraphSchema, requirements) }));
    }
    const { document, needs } = source;
    const roots = [apiSchema.getQueryType(), apiSchema.getMutationType(), apiSchema.getSubscriptionType()];
    return buildVisibleSchema(
      document,
      roots.flatMap((root) => root?.name ?? []),
      {
        type: (name) => needs.ofType(name).every(meets),
        field: (parent, name) => {
          const type = supergraphSchema.getType(parent);
          return isCompositeType(type) && needs.ofField(type, name).every(meets);
        },
      },
    );
  }
}
