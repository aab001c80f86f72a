/** Execute, interpreter: carries out the steps of a plan. */

import { SecurityError } from '@aduana/core/errors/security-error';
import type { CancelSignal } from '@aduana/core/platform/cancellation';
import type { Caller } from '../../stages.ts';
import { type CompletionBudget, completionTurn } from '../../limits/completion-turn.ts';
import type { ResponseError } from '../shared/response-errors.ts';
import type { ObjectShape } from '../shared/response-shape.ts';
import type { FetchStep, Step } from '../shared/plan-steps.ts';
import { type Preparation, prepareRequests, type Request } from './prepare-requests.ts';
import { applyRewrites } from './data-rewrites.ts';
import { type Addition, addToTree } from './add-to-tree.ts';
import { copyData, type MergedParts } from './merge-data.ts';
import { getOwn, isJsonObject, type JsonObject } from '../shared/json-object.ts';
import type { SubgraphResponse } from '../shared/subgraph-response.ts';
import { publicFailure, type SendFetch } from '../shared/send-fetch.ts';
import { type Destinations, failFetch, translateErrors } from '../shared/subgraph-errors.ts';
import { findTargets, rootTarget, type Target } from '../shared/flatten-path.ts';

/** The state of one run: what was fetched so far, and what fetching needs. */
export interface PlanRun extends Preparation {
  readonly shape: ObjectShape;
  /** For the plan's conditions: defaults applied. */
  readonly conditions: Readonly<Record<string, unknown>>;
  readonly send: SendFetch;
  /** Replaced with each fetch; what is in it does not change. */
  root: JsonObject;
  readonly errors: ResponseError[];
  readonly onFailure: (step: FetchStep, error: unknown) => void;
  /** Whether a subgraph's own messages reach the client. */
  readonly showsMessages: (subgraph: string) => boolean;
  /** Ends the run where this is aborted; a deadline does not. */
  readonly abandoned: CancelSignal;
  /** Who waits for a turn. */
  readonly caller: Caller;
  readonly budget: CompletionBudget;
}

/** Takes what a stream brought as the answer of the fetch that opened it. */
export function commitEvent(run: PlanRun, primary: FetchStep, answer: SubgraphResponse): void {
  const root = rootTarget(run.root);
  const outcome = { request: { variables: '', destinations: [[root]] }, answer };
  commitOutcomes(run, primary, root, [outcome]);
}

/** What a step changes in the tree: put off where steps run side by side, so that they merge in the plan's order. */
type Commit = () => void;

/**
 * Carries out a plan; what it fetched last and what is made of all of it is one turn's work.
 *
 * @throws the reason of `abandoned`, where the client left, and what `finish` throws
 */
export async function runPlan<Result>(
  run: PlanRun,
  step: Step | undefined,
  finish: () => Result,
): Promise<Result> {
  const commit = step === undefined ? nothing : await runStep(run, step);
  const turn = completionTurn(run.budget, run.caller, run.abandoned);
  if (turn !== undefined) await turn;
  return run.budget.complete(run.caller, () => {
    commit();
    return finish();
  });
}

/** Between two steps, in a turn. */
async function commitBetween({ budget, caller, abandoned }: PlanRun, commit: Commit): Promise<void> {
  const turn = completionTurn(budget, caller, abandoned);
  if (turn !== undefined) await turn;
  budget.complete(caller, commit);
}

async function runStep(run: PlanRun, step: Step): Promise<Commit> {
  switch (step.kind) {
    case 'fetch':
      return runFetch(run, step);
    case 'sequence': {
      let last: Commit = nothing;
      for (const child of step.steps) {
        if (last !== nothing) await commitBetween(run, last);
        last = await runStep(run, child);
      }
      return last;
    }
    case 'parallel': {
      const commits = await Promise.all(step.steps.map((child) => runStep(run, child)));
      return () => {
        for (const commit of commits) commit();
      };
    }
    case 'condition': {
      const next = run.conditions[step.variable] === true ? step.then : step.otherwise;
      return next === undefined ? nothing : runStep(run, next);
    }
    case 'defer': {
      const later = step.deferred.flatMap((one) => one.step ?? []);
      if (step.primary !== undefined) await commitBetween(run, await runStep(run, step.primary));
      return runStep(run, { kind: 'parallel', steps: later });
    }
  }
}

function nothing(): void {
  // A step that is left out changes nothing.
}

async function runFetch(run: PlanRun, step: FetchStep): Promise<Commit> {
  const root = rootTarget(run.root);
  const places = step.contextRewrites === undefined ? 'shared' : 'each';
  const requests = run.budget.complete(run.caller, () => {
    const targets = findTargets(run.schema, root, step.path, places);
    return prepareRequests(run, step, targets);
  });
  const outcomes = await Promise.all(requests.map((request) => sendRequest(run, step, request)));
  return () => {
    commitOutcomes(run, step, root, outcomes);
  };
}

/** What came of a request; `answer` is missing where it failed. */
interface Outcome {
  readonly request: Request;
  readonly answer?: SubgraphResponse;
  readonly error?: unknown;
}

async function sendRequest(run: PlanRun, step: FetchStep, request: Request): Promise<Outcome> {
  try {
    if (request.refused !== undefined) throw request.refused;
    return { request, answer: await run.send(step, request.variables) };
  } catch (error) {
    if (run.abandoned.aborted) throw error;
    run.onFailure(step, error);
    return { request, error };
  }
}

/** Of the one list of targets that a request has which is not sent. */
const OF_THE_ENTITY = [{ path: ['_entities', 0] }];

interface Brought extends Addition {
  readonly request: Request;
  /** Of the destination. */
  readonly index: number;
}

/** @param root of the tree in which the destinations were found: other steps may have added to it since */
function commitOutcomes(run: PlanRun, step: FetchStep, root: Target, outcomes: readonly Outcome[]): void {
  const additions = new Map<Target, Brought>();
  const shared: MergedParts = new Map();
  for (const { request, answer, error } of outcomes) {
    const { destinations } = request;
    if (answer === undefined) {
      const errors = request.refused
        ? translateErrors(run.shape, step, destinations, OF_THE_ENTITY, false, run.errors.length)
        : failFetch(run.shape, step, destinations, publicFailure(error));
      for (const failure of errors) run.errors.push(failure);
      continue;
    }
    const received = receive(run, step, destinations, answer);
    reportErrors(run, step, request, answer);
    for (const [index, targets] of destinations.entries()) {
      const value = received?.[index];
      if (!isJsonObject(value)) continue;
      const addition = { value, request, index, shared: targets.length > 1 ? shared : undefined };
      for (const target of targets) additions.set(target, addition);
    }
  }
  if (additions.size === 0) return;
  const mismatched = new Set<Brought>();
  const onMismatch = (addition: Brought): void => void mismatched.add(addition);
  run.root = addToTree({ schema: run.schema, tree: step.tree, additions, onMismatch }, root, run.root);
  if (mismatched.size > 0) reportMismatches(run, step, outcomes, [...mismatched]);
}

function reportMismatches(
  run: PlanRun,
  step: FetchStep,
  outcomes: readonly Outcome[],
  mismatched: readonly Brought[],
): void {
  for (const { request } of outcomes) {
    const own = mismatched.filter((one) => one.request === request).sort((a, b) => a.index - b.index);
    const errors = own.map(({ index }) => ({ path: ['_entities', index] }));
    const { shape, errors: known } = run;
    const translated = translateErrors(shape, step, request.destinations, errors, false, known.length);
    for (const error of translated) known.push(error);
  }
  run.onFailure(step, new SecurityError('SUBGRAPH_ERROR', { detail: 'an entity is of another type' }));
}

function reportErrors(
  run: PlanRun,
  step: FetchStep,
  { destinations }: Request,
  { errors }: SubgraphResponse,
): void {
  if (errors.length === 0) return;
  const showsMessages = run.showsMessages(step.subgraph);
  const translated = translateErrors(run.shape, step, destinations, errors, showsMessages, run.errors.length);
  for (const error of translated) run.errors.push(error); // spread, a hundred thousand of them would not fit the stack
  // What a subgraph refuses by its rules is no failure of it.
  if (translated.some(({ extensions }) => extensions.code === 'SUBGRAPH_ERROR')) run.onFailure(step, errors);
}
/** One value for each destination; the error is in the run where the answer has another form. */
function receive(
  run: PlanRun,
  step: FetchStep,
  destinations: Destinations,
  { data, errors }: SubgraphResponse,
): readonly unknown[] | undefined {
  if (data === undefined) return undefined;
  const values: unknown = step.requires === undefined ? [data] : getOwn(data, '_entities');
  if (!Array.isArray(values) || values.length !== destinations.length) {
    if (values === undefined || values === null ? errors.length === 0 : true)
      run.errors.push(...failFetch(run.shape, step, destinations, 'SUBGRAPH_ERROR'));
    return undefined;
  }
  if (step.outputRewrites === undefined) return values as unknown[];
  try {
    const copy = copyData(values) as unknown[];
    applyRewrites(run.schema, step.outputRewrites, copy);
    return copy;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    run.errors.push(...failFetch(run.shape, step, destinations, 'SUBGRAPH_ERROR')); // deeper than the stack
    return undefined;
  }
}
