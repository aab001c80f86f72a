import { SecurityError } from '@aduana/core/errors/security-error';
import type { GraphQLSchema } from 'graphql';
import { type AnswerError, createAnswerError } from './answer-errors.ts';
import { createAnswerShape, type ObjectShape } from './answer-shape.ts';
import { compilePlan, type FetchStep, type Step } from './compile-plan.ts';
import type { Execution } from './executor.ts';
import { fetchLevels } from './fetch-levels.ts';
import { generateProgram, type Program } from './generate-program.ts';
import { interfaceObjects } from './interface-objects.ts';
import { mergeFetches, type MergedFetch } from './merged-fetch.ts';

/** A plan and the shape of its answer, ready to run any number of times. */
export interface Executable {
  readonly plan: Execution['plan'];
  readonly step: Step | undefined;
  readonly shape: ObjectShape;
  /** The whole supergraph: plans reach what is inaccessible to clients. */
  readonly schema: GraphQLSchema;
  /** What the caller may not have, whatever happens. */
  readonly refusals: readonly AnswerError[];
  /** Generated code for it, made when first asked for; undefined where the answer is not fixed enough. */
  compiled(): CompiledPlan | undefined;
}

/** A plan whose answer is written from pointers into what the subgraphs answered. */
export interface CompiledPlan {
  readonly program: Program;
  /** The plan's fetches, side by side where that saves calls. */
  readonly step: Step;
  merge(steps: readonly FetchStep[]): MergedFetch;
}

/** @throws SecurityError `OPERATION_NOT_PLANNABLE` where something is selected and the plan would fetch nothing */
export function compileExecutable({ plan, authorized, supergraph }: Execution): Executable {
  const { apiSchema, supergraphSchema } = supergraph;
  const objects = interfaceObjects(supergraphSchema);
  const shape = createAnswerShape({ apiSchema, interfaceObjects: objects }, authorized.shape);
  const step = plan === undefined ? undefined : compilePlan(plan);
  if (step === undefined && shape.fields.some(({ name, refused }) => !refused && !name.startsWith('__')))
    throw new SecurityError('OPERATION_NOT_PLANNABLE', { detail: 'the plan is empty' });
  return {
    plan,
    step,
    shape,
    schema: supergraphSchema,
    refusals: authorized.refusals.map(({ path }) => createAnswerError('UNAUTHORIZED_FIELD_OR_TYPE', path)),
    compiled: once(() => (step === undefined ? undefined : compileProgram(supergraphSchema, shape, step))),
  };
}

function compileProgram(schema: GraphQLSchema, shape: ObjectShape, step: Step): CompiledPlan | undefined {
  const levels = fetchLevels(step);
  const program = levels && generateProgram(schema, shape, levels);
  if (levels === undefined || program === undefined) return undefined;
  const merged = new Map<string, MergedFetch>();
  return {
    program,
    step: levels.some(callsOneTwice) ? inLevels(levels) : step,
    merge(steps) {
      const key = steps.map(({ index }) => index).join(' ');
      const known = merged.get(key) ?? mergeFetches(steps);
      merged.set(key, known);
      return known;
    },
  };
}

/** Waiting for a whole level costs time, so it is done only where fetches can then be sent as one. */
function callsOneTwice(level: readonly FetchStep[]): boolean {
  return new Set(level.map(({ subgraph }) => subgraph)).size < level.length;
}

function inLevels(levels: readonly (readonly FetchStep[])[]): Step {
  return { kind: 'sequence', steps: levels.map((steps) => ({ kind: 'parallel', steps })) };
}

function once<Value>(create: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => (made ??= { value: create() }).value;
}
