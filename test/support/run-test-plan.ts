import type { QueryPlan } from '@apollo/query-planner';
import { buildSchema } from 'graphql';
import { createPlanSteps } from '../../gateway/execute/shared/plan-steps.ts';
import type { JsonObject } from '../../gateway/execute/shared/json-object.ts';
import { UNLIMITED } from '../../gateway/limits/miss-budget.ts';
import { type PlanRun, runPlan } from '../../gateway/execute/interpreter/run-plan.ts';
import { callerNamed } from './named-caller.ts';

const SCHEMA = buildSchema(
  'type Query { a: I b: [I] } interface I { id: ID } type A implements I { id: ID } type B implements I { id: ID }',
);

/** A fetch as the planner writes it. */
export const fetchOf = (serviceName: string, operation: string, more: object = {}) => ({
  kind: 'Fetch',
  serviceName,
  operation,
  operationKind: 'query',
  operationName: undefined,
  variableUsages: [],
  ...more,
});

/** Carries out a plan written by hand over responses written by hand; `calls` are the subgraphs and the variables. */
export async function runTestPlan(
  node: object,
  answers: Record<string, JsonObject>,
  variables: JsonObject = {},
) {
  const step = createPlanSteps({ kind: 'QueryPlan', node } as unknown as QueryPlan);
  if (step === undefined) throw new TypeError('nothing to run');
  const calls: [string, unknown][] = [];
  const run: PlanRun = {
    schema: SCHEMA,
    shape: { typeName: 'Query', fields: [] },
    variables,
    conditions: variables,
    send: ({ subgraph }, text) => {
      calls.push([subgraph, JSON.parse(text)]);
      return Promise.resolve({ data: answers[subgraph] ?? {}, errors: [] });
    },
    root: {},
    errors: [],
    onFailure: () => undefined,
    showsMessages: () => false,
    abandoned: new AbortController().signal,
    caller: callerNamed('bff'),
    budget: UNLIMITED,
  };
  await runPlan(run, step, () => undefined);
  return { root: run.root, errors: run.errors, calls };
}
