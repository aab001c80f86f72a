/** Execute, compiler: from a prepared operation to a plan with generated code. */

import type { PreparedOperation } from '../shared/prepare-operation.ts';
import type { FetchStep, Step } from '../shared/plan-steps.ts';
import { fetchLevels } from './fetch-levels.ts';
import { generateProgram, type Program } from './generate-program.ts';
import { mergeFetches, type MergedFetch } from './merged-fetch.ts';

/** A plan whose answer is written from pointers into what the subgraphs answered. */
export interface CompiledPlan {
  readonly program: Program;
  /** The plan's fetches, side by side where that saves calls. */
  readonly step: Step;
  merge(steps: readonly FetchStep[]): MergedFetch;
}

/** Undefined where the answer is not fixed enough for generated code, or nothing is fetched. */
export function compileProgram({ schema, shape, step }: PreparedOperation): CompiledPlan | undefined {
  if (step === undefined) return undefined;
  const levels = fetchLevels(step);
  const program = levels && generateProgram(schema, shape, levels);
  if (levels === undefined || program === undefined) return undefined;
  const merged = new Map<string, MergedFetch>();
  return {
    program,
    step: levels.some(callsOneTwice) && !isMutation(levels) ? inLevels(levels) : step,
    merge(steps) {
      const key = steps.map(({ index }) => index).join(' ');
      const known = merged.get(key) ?? mergeFetches(steps);
      merged.set(key, known);
      return known;
    },
  };
}

/** Its fetches stay in the plan's own order: what changes something waits for nothing but what the plan says. */
function isMutation([first]: readonly (readonly FetchStep[])[]): boolean {
  return first?.[0]?.operationKind === 'mutation';
}

/** Waiting for a whole level costs time, so it is done only where fetches can then be sent as one. */
function callsOneTwice(level: readonly FetchStep[]): boolean {
  return new Set(level.map(({ subgraph }) => subgraph)).size < level.length;
}

function inLevels(levels: readonly (readonly FetchStep[])[]): Step {
  return { kind: 'sequence', steps: levels.map((steps) => ({ kind: 'parallel', steps })) };
}
