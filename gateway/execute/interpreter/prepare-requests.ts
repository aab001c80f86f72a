/** Execute, interpreter: the requests that a fetch becomes. */

import { SecurityError } from '@aduana/core/errors/security-error';
import type { GraphQLSchema } from 'graphql';
import { createRepresentation } from '../shared/entity-representation.ts';
import { serializeVariables } from '../shared/fetch-variables.ts';
import type { Target } from '../shared/flatten-path.ts';
import { isJsonObject, type JsonObject } from '../shared/json-object.ts';
import type { FetchStep } from '../shared/plan-steps.ts';
import type { Destinations } from '../shared/subgraph-errors.ts';
import { contextValues } from './context-values.ts';
import { applyRewrites } from './data-rewrites.ts';

/** What of a run its requests are made of. */
export interface Preparation {
  /** The whole supergraph: plans reach what is inaccessible to clients. */
  readonly schema: GraphQLSchema;
  /** By the plan's names, defaults not applied: the fetches' own text contains them. */
  readonly variables: Readonly<Record<string, unknown>>;
}

/** One fetch, and what it is for: a list of targets for each representation. */
export interface Request {
  readonly variables: string;
  readonly destinations: Destinations;
  /** Why it is not sent. */
  readonly refused?: SecurityError;
}

interface ContextGroup {
  readonly context: JsonObject;
  readonly targets: readonly Target[];
}

/** Those for which something is nested too deeply to be sent fail by themselves. */
export function prepareRequests(run: Preparation, step: FetchStep, targets: readonly Target[]): Request[] {
  const tooDeep: Target[] = [];
  let refused: SecurityError | undefined;
  const attempt = <Result>(target: Target, make: () => Result): Result | undefined => {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof SecurityError)) throw error;
      refused = error;
      tooDeep.push(target);
      return undefined;
    }
  };
  const requests = groupByContext(run, step, targets, attempt).flatMap((group) =>
    prepare(run, step, group, attempt),
  );
  return refused === undefined
    ? requests
    : [...requests, { variables: '', destinations: [tooDeep], refused }];
}

/** Undefined where it is refused for this target. */
type Attempt = <Result>(target: Target, make: () => Result) => Result | undefined;

/** Targets that share the values of their `@fromContext` arguments: a fetch has one value of each variable. */
function groupByContext(
  run: Preparation,
  step: FetchStep,
  targets: readonly Target[],
  attempt: Attempt,
): ContextGroup[] {
  const { contextRewrites } = step;
  if (contextRewrites === undefined) return [{ context: {}, targets }];
  const groups = new Map<string, { context: JsonObject; targets: Target[] }>();
  for (const target of targets) {
    const context = attempt(target, () => contextValues(run.schema, contextRewrites, target));
    if (context === undefined) continue;
    const key = JSON.stringify(context);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { context, targets: [target] });
    else group.targets.push(target);
  }
  return [...groups.values()];
}

function prepare(
  run: Preparation,
  step: FetchStep,
  { context, targets }: ContextGroup,
  attempt: Attempt,
): Request[] {
  if (targets.length === 0) return [];
  const text = (lists: Parameters<typeof serializeVariables>[2]) =>
    serializeVariables(step.variableUsages, run.variables, lists, context);
  if (step.requires === undefined) return [{ variables: text([]), destinations: [targets] }];
  const { requires } = step;
  const byText = new Map<string, Target[]>();
  for (const target of targets) {
    const representation = attempt(target, () => representationText(run, requires, step, target));
    if (representation === undefined) continue;
    const same = byText.get(representation);
    if (same === undefined) byText.set(representation, [target]);
    else same.push(target);
  }
  if (byText.size === 0) return [];
  const destinations = [...byText.values()];
  return [{ variables: text([['representations', byText.keys()]]), destinations }];
}

function representationText(
  run: Preparation,
  requires: NonNullable<FetchStep['requires']>,
  step: FetchStep,
  { value }: Target,
): string | undefined {
  if (!isJsonObject(value)) return undefined;
  const representation = createRepresentation(run.schema, value, requires);
  if (representation === undefined) return undefined;
  applyRewrites(run.schema, step.inputRewrites, representation);
  return JSON.stringify(representation);
}
