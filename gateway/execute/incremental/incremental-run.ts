/** Execute, incremental delivery: one run, part after part. */

import type { CancelSignal } from '@aduana/core/platform/cancellation';
import type { Log } from '@aduana/core/platform/log';
import { UNLIMITED } from '../../limits/miss-budget.ts';
import { type Authorized, FIRST_PART, type Refusal } from '../../stages.ts';
import { runPlan } from '../interpreter/run-plan.ts';
import { openRun } from '../interpreter/open-run.ts';
import { type ResponseError, createResponseError, createExplanation } from '../shared/response-errors.ts';
import type { Step } from '../shared/plan-steps.ts';
import type { DeferredObject, DeferredPlace } from '../shared/complete-response.ts';
import type { Execution } from '../shared/execution.ts';
import { objectAt } from '../shared/json-object.ts';
import { CompletedParts } from '../shared/completed-parts.ts';
import type { SendFetch } from '../shared/send-fetch.ts';
import { serializeData } from '../shared/serialize-response.ts';
import { type PreparedIncremental, splitStep } from './prepare-incremental.ts';
import { completeEntry, completeFirst, type Known } from './complete-entry.ts';
import { findPart } from './find-part.ts';
import type { FirstPart, IncrementalEntry, DeliverPart } from './incremental-delivery.ts';
import { authorizePlaces } from './authorized-places.ts';
import { countObjects, createPartTurns } from './part-turns.ts';
import { type Part, partsOf, type PlannedParts, plannedOf } from './planned-parts.ts';

/** One operation with `@defer`, and what carrying it out needs. */
export interface IncrementalRunOptions {
  readonly prepared: PreparedIncremental;
  readonly execution: Execution;
  readonly log: Log;
  /** Of the client: aborted when it leaves. */
  readonly signal: CancelSignal;
  /** For one step, under the rights of that moment. */
  readonly openSend: (authorized: Authorized) => SendFetch;
}

const NOTHING: Known = { tree: {}, errors: [], explains: () => false };

/** Who asked for what comes later, and in how many parts it lies. */
interface Asked {
  readonly deliver: DeliverPart;
  readonly current: () => Authorized;
  readonly depth: number;
}

/** One execution whose answer has parts. Each part adds to a tree of its own, so that none sees another half done. */
export class IncrementalRun {
  readonly #options: IncrementalRunOptions;
  readonly #turns = createPartTurns();
  readonly #completed = new CompletedParts();
  /** Errors of what came first or earlier that belong to parts that were not delivered yet. */
  #unclaimed: ResponseError[] = [];
  /** Refusals that no part has reported yet. */
  #unreported: ReadonlySet<Refusal>;
  #first = NOTHING;
  #deferred: readonly DeferredObject[] = [];
  #pending = 0;

  constructor(options: IncrementalRunOptions) {
    this.#options = options;
    this.#unreported = new Set(options.execution.authorized.refusals);
  }

  /** @throws the reason with which the client left */
  async first(): Promise<Omit<FirstPart, 'rest' | 'subgraphs'>> {
    const { prepared, execution } = this.#options;
    const { primary } = splitStep(prepared.step);
    this.#first = await this.#fetch(primary, NOTHING, execution.authorized);
    const { authorized, budget = UNLIMITED, introspection } = execution;
    execution.requireReading?.(authorized.caller);
    return budget.complete(authorized.caller, () => {
      const { answer, errors, deferred } = completeFirst(
        prepared,
        this.#first,
        introspection,
        this.#completed,
      );
      this.#deferred = deferred.filter(({ path }) => objectAt(answer, path) !== undefined);
      const own = this.#claim(this.#first.errors, (path) => findPart([prepared.split], path));
      return {
        data: serializeData(answer),
        errors: [...this.#refusals(authorized, FIRST_PART), ...own, ...errors],
      };
    });
  }

  /** Whether something comes later. */
  get hasRest(): boolean {
    return this.#deferred.length > 0;
  }

  /** @throws the reason with which the client left, and what `current` throws */
  async rest(deliver: DeliverPart, current: () => Authorized): Promise<void> {
    const { deferred } = splitStep(this.#options.prepared.step);
    const parts = partsOf(this.#deferred);
    this.#pending = parts.length;
    await this.#later(parts, plannedOf(deferred, new Map()), this.#first, {
      deliver,
      current,
      depth: 0,
    });
  }

  async #later(parts: readonly Part[], planned: PlannedParts, above: Known, asked: Asked): Promise<void> {
    if (parts.length === 0) return;
    const objects = countObjects(above.tree);
    const one = async ([part, places]: Part): Promise<void> => {
      const { primary, deferred } = splitStep(planned.get(part));
      const { known, next } = await this.#inTurn(objects, asked.depth, async () => {
        const fetched = await this.#fetch(primary, above, asked.current());
        const {
          authorized: { caller },
          budget = UNLIMITED,
        } = this.#options.execution;
        const { entries, below } = budget.complete(caller, () =>
          this.#complete(part, places(), fetched, asked.current()),
        );
        const later = partsOf(below);
        this.#pending += later.length - 1;
        asked.deliver(this.#pending === 0 ? this.#withRest(entries) : entries, this.#pending > 0);
        return { known: fetched, next: later };
      });
      await this.#later(next, plannedOf(deferred, planned), known, { ...asked, depth: asked.depth + 1 });
    };
    await Promise.all(parts.map(one));
  }

  /** @throws the reason with which the client left */
  async #inTurn<Result>(objects: number, depth: number, run: () => Promise<Result>): Promise<Result> {
    const release = await this.#turns.take(objects, depth);
    try {
      const { signal } = this.#options;
      if (signal.aborted) throw signal.reason;
      return await run();
    } finally {
      release();
    }
  }

  /** What was known, with what a step brought. */
  async #fetch(step: Step | undefined, above: Known, authorized: Authorized): Promise<Known> {
    const { prepared, execution, log, signal, openSend } = this.#options;
    if (step === undefined) return { ...above, own: [] };
    const run = openRun(log, prepared, { ...execution, signal }, openSend(authorized));
    run.root = above.tree;
    await runPlan(run, step, () => undefined);
    const { errors: own } = run;
    if (own.length === 0) return { ...above, tree: run.root, own };
    const errors = [...above.errors, ...own];
    return { tree: run.root, errors, explains: createExplanation(errors), own };
  }

  #complete(
    part: string,
    places: readonly DeferredPlace[],
    known: Known,
    authorized: Authorized,
  ): { readonly entries: readonly IncrementalEntry[]; readonly below: readonly DeferredObject[] } {
    const { prepared, execution } = this.#options;
    const now = authorizePlaces(places, known.tree, authorized, this.#options);
    const own = this.#claimFor(places, known);
    const below: DeferredObject[] = [];
    const entries = now.map((place, index): IncrementalEntry => {
      const reported = [...(index === 0 ? this.#refusals(authorized, part) : []), ...(own.get(index) ?? [])];
      if (place.shape === undefined) {
        const lost = createResponseError('UNAUTHORIZED_FIELD_OR_TYPE', place.path);
        return { path: place.path, label: place.defer.label, data: 'null', errors: [lost] };
      }
      const completed = completeEntry(
        prepared,
        { ...place, shape: place.shape },
        known,
        execution.introspection,
        this.#completed,
      );
      for (const object of completed.below) below.push(object);
      return { ...completed.entry, errors: [...reported, ...completed.entry.errors] };
    });
    return { entries, below };
  }

  /** The last part has the errors and refusals of those that had no place in the end. */
  #withRest([first, ...others]: readonly IncrementalEntry[]): readonly IncrementalEntry[] {
    if (first === undefined) return others;
    const left = [...refusalErrors([...this.#unreported]), ...this.#unclaimed.splice(0)];
    return [{ ...first, errors: [...first.errors, ...left] }, ...others];
  }

  /** The refusals that a part reports: those below it, and all of them where there is one part alone. */
  #refusals({ refusals }: Authorized, part: string): readonly ResponseError[] {
    const reported = refusals.filter(({ parts = [FIRST_PART] }) => !this.hasRest || parts.includes(part));
    const paths = new Set(reported.map(({ path }) => path.join('.')));
    this.#unreported = new Set([...this.#unreported].filter(({ path }) => !paths.has(path.join('.'))));
    return refusalErrors(reported);
  }

  /** The errors of one part by the place that they are of: what a step found out that is nobody else's, and what waited. */
  #claimFor(
    places: readonly DeferredPlace[],
    { own = [] }: Known,
  ): ReadonlyMap<number, readonly ResponseError[]> {
    if (own.length === 0 && this.#unclaimed.length === 0) return new Map();
    const index = new Map(places.map(({ path }, at) => [JSON.stringify(path), at]));
    const lengths = [...new Set(places.map(({ path }) => path.length))];
    const byPlace = new Map<number, ResponseError[]>();
    const add = (at: number, error: ResponseError): void => {
      const known = byPlace.get(at);
      if (known === undefined) byPlace.set(at, [error]);
      else known.push(error);
    };
    const ownerOf = (error: ResponseError): 'own' | 'later' | 'none' => {
      for (const length of lengths) {
        const at = index.get(JSON.stringify(error.path.slice(0, length)));
        const place = at === undefined ? undefined : places[at];
        if (at === undefined || place === undefined) continue;
        const owner = findPart([place.shape], error.path.slice(length));
        if (owner === 'own') add(at, error);
        if (owner !== 'none') return owner;
      }
      return 'none';
    };
    this.#unclaimed = this.#unclaimed.filter((error) => ownerOf(error) !== 'own');
    for (const error of own) {
      const owner = ownerOf(error);
      if (owner === 'later') this.#unclaimed.push(error);
      else if (owner === 'none') add(0, error);
    }
    return byPlace;
  }

  #claim(
    errors: readonly ResponseError[],
    ownerOf: (path: ResponseError['path']) => 'own' | 'later' | 'none',
  ): readonly ResponseError[] {
    return errors.filter((error) => {
      if (ownerOf(error.path) !== 'later' || this.#deferred.length === 0) return true;
      this.#unclaimed.push(error);
      return false;
    });
  }
}

function refusalErrors(refusals: readonly Refusal[]): readonly ResponseError[] {
  return refusals.map(({ path }) => createResponseError('UNAUTHORIZED_FIELD_OR_TYPE', path));
}
