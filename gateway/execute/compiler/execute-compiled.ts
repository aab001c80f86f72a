/** Execute, compiler: the engine that runs generated code and falls back to the interpreter. */

import type { CancelSignal } from '@aduana/core/platform/cancellation';
import type { Log } from '@aduana/core/platform/log';
import { UNLIMITED } from '../../limits/miss-budget.ts';
import type { Caller } from '../../stages.ts';
import { type CompletionBudget, completionTurn } from '../../limits/completion-turn.ts';
import { refuseResponseSize } from '../shared/response-size.ts';
import type { PreparedOperation } from '../shared/prepare-operation.ts';
import type { FetchStep, Step } from '../shared/plan-steps.ts';
import type { SubgraphResponse } from '../shared/subgraph-response.ts';
import type { SerializedResponse } from '../shared/serialize-response.ts';
import { getOwn } from '../shared/json-object.ts';
import type { ProgramState } from '../shared/program-state.ts';
import type { ExecutionEngine } from '../shared/execution-engine.ts';
import type { OutgoingFetch, SendFetch } from '../shared/send-fetch.ts';
import { serializeVariables } from '../shared/fetch-variables.ts';
import { type CompiledPlan, compileProgram } from './compile-program.ts';
import { FAST_PATH_MISMATCH } from './generate-program.ts';
import { representationsVariable, splitResponse } from './merged-fetch.ts';

/** When code is generated, and what finishes where it does not fit. */
export interface CompilerOptions {
  /** The reference, which finishes what generated code does not. */
  readonly interpret: ExecutionEngine;
  /** Which time an operation has to come for code to be generated for it. */
  readonly compileAt: number;
}

/** What is known of an operation that came before. */
interface Known {
  runs: number;
  compiled: CompiledPlan | 'not-yet' | undefined;
}

/**
 * Runs generated code over the answers as they came. Where one of them is not as planned (an error, a null that may not
 * be, another type) the interpreter finishes, from the same answers: nothing that was answered is fetched twice.
 */
export function createExecuteCompiled({ interpret, compileAt }: CompilerOptions): ExecutionEngine {
  const known = new WeakMap<PreparedOperation, Known>();
  const compiledOf = (prepared: PreparedOperation): CompiledPlan | undefined => {
    let one = known.get(prepared);
    if (one === undefined) known.set(prepared, (one = { runs: 0, compiled: 'not-yet' }));
    if (one.compiled !== 'not-yet') return one.compiled;
    one.runs += 1;
    return one.runs < compileAt ? undefined : (one.compiled = compileProgram(prepared));
  };
  return (log, prepared, execution, send) => {
    const compiled = compiledOf(prepared);
    return compiled === undefined
      ? interpret(log, prepared, execution, send)
      : runCompiled(compiled, interpret, log, prepared, execution, send);
  };
}

async function runCompiled(
  compiled: CompiledPlan,
  interpret: ExecutionEngine,
  ...[log, prepared, execution, send]: Parameters<ExecutionEngine>
): Promise<SerializedResponse> {
  const { authorized, budget = UNLIMITED, signal } = execution;
  const { caller, variables } = authorized;
  const run: CompiledRun = {
    compiled,
    variables,
    caller,
    budget,
    abandoned: signal,
    send,
    state: emptyState(),
    layers: [],
    received: new Map(),
  };
  const data = await attempt(log, async () => {
    if (!(await runStep(run, compiled.step))) return undefined;
    const turn = completionTurn(budget, caller, signal);
    if (turn !== undefined) await turn;
    execution.requireReading?.(caller);
    return budget.complete(caller, () => writeAnswer(run));
  });
  return data === undefined ? interpret(log, prepared, execution, replay(run)) : { data, errors: [] };
}

interface CompiledRun {
  readonly compiled: CompiledPlan;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly caller: Caller;
  readonly budget: CompletionBudget;
  /** Aborted when the client leaves. */
  readonly abandoned: CancelSignal;
  readonly send: SendFetch;
  /** Shared by runs that were given the very same answers so far. */
  state: ProgramState;
  /** What this run itself was given. */
  readonly layers: (readonly unknown[])[];
  readonly received: Map<OutgoingFetch, Received>;
}

/** What came of a fetch, and what it was sent with. */
interface Received {
  readonly texts: readonly string[] | undefined;
  readonly answer: SubgraphResponse | undefined;
  readonly error: Error | undefined;
}

function emptyState(): ProgramState {
  return { layers: [], pointers: [], places: [], offsets: [], texts: [], answer: undefined };
}

function writeAnswer({ state, compiled: { program } }: CompiledRun): string {
  if (state.answer === undefined) {
    for (const represent of program.representations.values()) represent(state);
    state.answer = program.write(state);
  }
  return state.answer;
}

async function attempt(log: Log, work: () => Promise<string | undefined>): Promise<string | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TypeError) log.error('generated code failed', { error });
    else if (error instanceof RangeError)
      refuseResponseSize(); // a string that V8 does not make
    else if (error !== FAST_PATH_MISMATCH) throw error;
    return undefined;
  }
}

/** Whether all went as planned so far. */
async function runStep(run: CompiledRun, step: Step): Promise<boolean> {
  switch (step.kind) {
    case 'fetch':
      return runFetches(run, [step]);
    case 'sequence':
      for (const child of step.steps) if (!(await runStep(run, child))) return false;
      return true;
    case 'parallel': {
      const bySubgraph = new Map<string, FetchStep[]>();
      const others: Step[] = [];
      for (const child of step.steps) {
        if (child.kind !== 'fetch' || child.requires === undefined) others.push(child);
        else bySubgraph.set(child.subgraph, [...(bySubgraph.get(child.subgraph) ?? []), child]);
      }
      const fits = await Promise.all([
        ...others.map((child) => runStep(run, child)),
        ...[...bySubgraph.values()].map((steps) => runFetches(run, steps)),
      ]);
      return !fits.includes(false);
    }
    case 'condition':
    case 'defer':
      return false;
  }
}

/** Sends fetches of one subgraph as one request. */
async function runFetches(run: CompiledRun, steps: readonly FetchStep[]): Promise<boolean> {
  const { representations } = run.compiled.program;
  const parts: { readonly step: FetchStep; readonly texts: readonly string[] | undefined }[] = [];
  if (steps[0]?.requires !== undefined) {
    const turn = completionTurn(run.budget, run.caller, run.abandoned);
    if (turn !== undefined) await turn;
  }
  for (const step of steps) {
    const represent = representations.get(step);
    const texts = represent && run.budget.complete(run.caller, () => represent(run.state));
    if (texts?.length === 0) place(run, step, NOTHING);
    else parts.push({ step, texts });
  }
  const [first] = parts;
  if (first === undefined) return true;
  try {
    const answers =
      parts.length === 1 ? [await sendAlone(run, first.step, first.texts)] : await sendMerged(run, parts);
    return parts.map(({ step, texts }, part) => receive(run, step, texts, answers[part])).every(Boolean);
  } catch (error) {
    if (run.abandoned.aborted) throw error;
    const known = error instanceof Error ? error : new Error('the fetch failed', { cause: error });
    for (const { step, texts } of parts) run.received.set(step, { texts, answer: undefined, error: known });
    return false;
  }
}

function sendAlone(run: CompiledRun, step: FetchStep, texts: readonly string[] | undefined) {
  return run.send(step, aloneText(run, step, texts));
}

function aloneText(run: CompiledRun, step: FetchStep, texts: readonly string[] | undefined): string {
  const lists = texts === undefined ? [] : [['representations', texts] as const];
  return serializeVariables(step.variableUsages, run.variables, lists);
}

async function sendMerged(
  run: CompiledRun,
  parts: readonly { readonly step: FetchStep; readonly texts: readonly string[] | undefined }[],
): Promise<(SubgraphResponse | undefined)[]> {
  const { fetch, variableUsages } = run.compiled.merge(parts.map(({ step }) => step));
  const lists = parts.map(({ texts = [] }, part) => [representationsVariable(part), texts] as const);
  return splitResponse(
    await run.send(fetch, serializeVariables(variableUsages, run.variables, lists)),
    parts.length,
  );
}

function receive(
  run: CompiledRun,
  step: FetchStep,
  texts: readonly string[] | undefined,
  answer: SubgraphResponse | undefined,
): boolean {
  run.received.set(step, { texts, answer, error: undefined });
  if (answer?.data === undefined || answer.errors.length > 0) return false;
  if (texts === undefined) {
    place(run, step, rootLayer(run, answer));
    return true;
  }
  const layer = getOwn(answer.data, '_entities');
  if (!Array.isArray(layer) || layer.length !== texts.length) return false;
  place(run, step, layer);
  return true;
}

const NOTHING: readonly unknown[] = [];
/** An answer that other runs of the same plan were given too brings along what they found out from it. */
function rootLayer(run: CompiledRun, answer: SubgraphResponse): readonly unknown[] {
  const known = answer.found;
  if (known?.program === run.compiled.program) {
    if (run.layers.length === 0) run.state = known.state;
    return known.layer;
  }
  const layer = [answer.data];
  answer.found = { layer, state: run.state, program: run.compiled.program };
  return layer;
}

function place(run: CompiledRun, step: FetchStep, layer: readonly unknown[]): void {
  run.layers[step.index] = layer;
  const known = run.state.layers[step.index];
  if (known === layer) return;
  if (known !== undefined) run.state = { ...emptyState(), layers: [...run.layers] };
  run.state.layers[step.index] = layer;
}

/** Gives what was received already; what it was not sent with is fetched. */
function replay(run: CompiledRun): SendFetch {
  return (fetch, variables) => {
    const known = run.received.get(fetch);
    if (known === undefined || aloneText(run, fetch as FetchStep, known.texts) !== variables)
      return run.send(fetch, variables);
    if (known.error !== undefined) return Promise.reject(known.error);
    return known.answer === undefined ? run.send(fetch, variables) : Promise.resolve(known.answer);
  };
}
