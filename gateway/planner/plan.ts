import { keptCharacters } from '../limits/kept-characters.ts';
import { SecurityError } from '@aduana/core/errors/security-error';
import { traceFields } from '@aduana/core/wire/trace-context';
import { type BoundedCache, createBoundedCache } from '@aduana/core/platform/bounded-cache';
import type { Clock } from '@aduana/core/platform/clock';
import type { Log } from '@aduana/core/platform/log';
import type { QueryPlan } from '@apollo/query-planner';
import { type DocumentNode, type GraphQLSchema, print } from 'graphql';
import { chooseOverrides, possibleOverrides, readOverrideLabels } from './override-labels.ts';
import type { FindPlan } from './operation-planner.ts';
import { type UsedOperation, type WarmBounds, warmPlans, type WarmReport } from './warm-plans.ts';
import { type MissBudget, UNLIMITED } from '../limits/miss-budget.ts';
import type { Authorized } from '../stages.ts';
import {
  createTextBoundedCache,
  createTextEntry,
  type TextBoundedCache,
  type TextEntry,
} from '@aduana/server-kit/platform/text-bounded-cache';

/** What planning needs of a supergraph. */
export interface PlannableSupergraph {
  /** With inaccessible elements and `@join__*`. */
  readonly supergraphSchema: GraphQLSchema;
  readonly findPlan: FindPlan;
}

/** The same object for the same operation. */
export interface Planned {
  readonly plan: QueryPlan;
}

interface KeptPlan extends Planned, TextEntry, UsedOperation {
  uses: number;
}

/** What is known for one supergraph, and goes with it. */
interface Plans {
  readonly labels: readonly string[];
  readonly byKey: TextBoundedCache<KeptPlan>;
  /** Whose planning was given up: it would take the planner's time, and perhaps its thread, again. */
  readonly givenUp: BoundedCache<true>;
  /** What another thread is planning now. */
  readonly underWay: Map<string, Promise<KeptPlan>>;
}

/**
 * The plan of the authorized document, which belongs to this supergraph; undefined where there is nothing to fetch. A
 * promise where another thread has yet to make it.
 */
export interface Plan {
  (authorized: Authorized, supergraph: PlannableSupergraph): Planned | undefined | Promise<Planned>;
  /** Plans over `next` what was asked for most over `previous`. */
  warm(next: PlannableSupergraph, previous: PlannableSupergraph, bounds: WarmBounds): Promise<WarmReport>;
  /** Plans over a supergraph what is known to be asked for, where it has no plan yet. */
  prepare(
    operations: readonly Authorized[],
    over: PlannableSupergraph,
    bounds: WarmBounds,
  ): Promise<WarmReport>;
}

export interface PlanOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly budget?: MissBudget;
  readonly measure?: PlanMeasure;
}

/** What is counted of planning. */
export interface PlanMeasure {
  hit(): void;
  miss(): void;
  /** @param entries of the newest supergraph's cache */
  showEntries(entries: () => number): void;
}

const UNMEASURED: PlanMeasure = { hit: () => undefined, miss: () => undefined, showEntries: () => undefined };

const KEPT = { entries: 2_000, characters: keptCharacters() } as const;
/** A machine that is busy may give up what it could plan later. */
const GIVEN_UP = { entries: 1_000, milliseconds: 60_000 } as const;
/** What is the same for everybody who asks for this plan. */
const OF_THE_DOCUMENT: ReadonlySet<string> = new Set(['OPERATION_NOT_PLANNABLE', 'LIMIT_PLANNING_EXCEEDED']);

/** Plans what a caller may run: the cache is keyed by the document that is executed, never by the one that was sent. */
export function createPlan({ log, clock, budget = UNLIMITED, measure = UNMEASURED }: PlanOptions): Plan {
  const bySupergraph = new WeakMap<PlannableSupergraph, Plans>();
  const near = new WeakMap<DocumentNode, KeptPlan>();

  const plansOf = (supergraph: PlannableSupergraph): Plans => {
    let plans = bySupergraph.get(supergraph);
    if (plans === undefined) bySupergraph.set(supergraph, (plans = openPlans(supergraph, clock, measure)));
    return plans;
  };

  function plan(
    authorized: Authorized,
    supergraph: PlannableSupergraph,
  ): Planned | undefined | Promise<Planned> {
    const { trace, document, operationKey } = authorized;
    if (document === undefined) return undefined;
    const plans = plansOf(supergraph);
    const { labels, byKey, underWay } = plans;
    const met = labels.length === 0 ? near.get(document) : undefined;
    if (met?.kept === true) {
      met.used = true;
      met.uses += 1;
      measure.hit();
      return met;
    }
    const overrides = chooseOverrides(labels, trace.traceId);
    const key = planKey(operationKey, overrides);
    const known = byKey.get(key);
    if (known !== undefined) {
      known.uses += 1;
      measure.hit();
      if (known.kept && labels.length === 0) near.set(document, known);
      return known;
    }
    if (plans.givenUp.get(key) !== undefined)
      throw new SecurityError('LIMIT_PLANNING_EXCEEDED', { detail: 'its planning was given up before' });
    const miss = { key, overrides, plans, supergraph, log, clock, budget, near, measure };
    const make = () => makePlan(authorized, document, miss);
    const pending = underWay.get(key);
    if (pending === undefined) return make();
    // Whoever planned first may have had no means of its own: that is nobody else's refusal.
    return pending.catch((error: unknown) => {
      if (error instanceof SecurityError && OF_THE_DOCUMENT.has(error.code)) throw error;
      return underWay.get(key) ?? make();
    });
  }

  return Object.assign(plan, {
    warm: (next: PlannableSupergraph, previous: PlannableSupergraph, bounds: WarmBounds) =>
      warm(plansOf(next), [...plansOf(previous).byKey.all()], next.findPlan, bounds),
    prepare: (operations: readonly Authorized[], over: PlannableSupergraph, bounds: WarmBounds) => {
      const plans = plansOf(over);
      return warm(plans, unplanned(operations, plans), over.findPlan, bounds);
    },
  });
}

/** One operation, by the key of its plan. */
type Wanted = Omit<KeptPlan, 'plan' | 'used' | 'kept'>;

function unplanned(operations: readonly Authorized[], { labels, byKey }: Plans): readonly Wanted[] {
  const wanted = new Map<string, Wanted>();
  for (const { document, operationKey, operationLength: characters } of operations) {
    if (document === undefined) continue;
    const text = print(document);
    for (const overrides of possibleOverrides(labels)) {
      const key = planKey(operationKey, overrides);
      if (byKey.get(key) === undefined) wanted.set(key, { key, characters, text, overrides, uses: 0 });
    }
  }
  return [...wanted.values()];
}

function planKey(operationKey: string, overrides: readonly string[]): string {
  return [operationKey, ...overrides].join(' ');
}

/** Plans what no cache has, and keeps it where the caller's budget allows. */
function makePlan(
  { caller, operationLength, trace }: Authorized,
  document: DocumentNode,
  miss: Miss,
): KeptPlan | Promise<KeptPlan> {
  const { key, overrides, plans, supergraph, budget, near } = miss;
  const { byKey, underWay, labels } = plans;
  miss.measure.miss();
  const keep = (plan: QueryPlan): KeptPlan => {
    const used = { text: print(document), overrides, uses: 1 };
    const planned = { plan, ...used, ...createTextEntry(key, operationLength) };
    if (budget.mayKeep(caller)) byKey.add(planned);
    if (planned.kept && labels.length === 0) near.set(document, planned);
    return planned;
  };
  let made: QueryPlan | Promise<QueryPlan>;
  try {
    made = budget.spend(caller, () =>
      supergraph.findPlan({ document, overrides, account: budget.accountOf(caller) }),
    );
  } catch (error) {
    return giveUp(error, miss, trace);
  }
  if (!(made instanceof Promise)) return keep(made);
  const pending = made
    .then(keep, (error: unknown) => giveUp(error, miss, trace))
    .finally(() => underWay.delete(key));
  underWay.set(key, pending);
  return pending;
}

function warm(
  { byKey }: Plans,
  wanted: readonly Wanted[],
  findPlan: FindPlan,
  bounds: WarmBounds,
): Promise<WarmReport> {
  const keep = ({ text, overrides, key, characters }: Wanted, plan: QueryPlan): void => {
    byKey.add({ plan, text, overrides, uses: 0, ...createTextEntry(key, characters) });
  };
  return warmPlans(wanted, findPlan, keep, bounds);
}

interface Miss extends Required<PlanOptions> {
  readonly near: WeakMap<DocumentNode, KeptPlan>;
  readonly key: string;
  readonly overrides: readonly string[];
  readonly plans: Plans;
  readonly supergraph: PlannableSupergraph;
}

function giveUp(error: unknown, { log, clock, key, plans }: Miss, trace: Authorized['trace']): never {
  const code = error instanceof SecurityError ? error.code : undefined;
  if (error instanceof SecurityError && code === 'OPERATION_NOT_PLANNABLE')
    log.warn('an operation has no plan', { reasons: error.detail, ...traceFields(trace) });
  if (code === 'LIMIT_PLANNING_EXCEEDED') plans.givenUp.set(key, true, clock.now() + GIVEN_UP.milliseconds);
  throw error;
}

function openPlans({ supergraphSchema }: PlannableSupergraph, clock: Clock, measure: PlanMeasure): Plans {
  const byKey = createTextBoundedCache<KeptPlan>(KEPT);
  measure.showEntries(() => byKey.size);
  const givenUp = createBoundedCache<true>(clock, GIVEN_UP.entries);
  return { labels: readOverrideLabels(supergraphSchema), byKey, givenUp, underWay: new Map() };
}
