/** Execute, subscriptions, before the stream is opened: what is computed once per operation. */

import type { QueryPlan } from '@apollo/query-planner';
import type { GraphQLSchema } from 'graphql';
import { interfaceObjects } from '../../planner/interface-objects.ts';
import type { Authorized, Shape } from '../../stages.ts';
import type { LoadedSupergraph } from '../../supergraph/loaded-supergraph.ts';
import { type ResponseError, createResponseError } from '../shared/response-errors.ts';
import { createResponseShape, type ObjectShape } from '../shared/response-shape.ts';
import { createSubscriptionSteps, type FetchStep, type Step } from '../shared/plan-steps.ts';
import { serializeVariables } from '../shared/fetch-variables.ts';

/** A subscription's plan and the shape of its messages, for one set of rights. */
export interface CompiledSubscription {
  readonly authorized: Authorized;
  readonly supergraph: LoadedSupergraph;
  readonly primary: FetchStep;
  readonly rest: Step | undefined;
  readonly shape: ObjectShape;
  readonly schema: GraphQLSchema;
  /** What the caller may not have, in each message. */
  readonly refusals: readonly ResponseError[];
  /** The JSON body of the request that opens the stream. */
  readonly body: string;
}

type Shared = Omit<CompiledSubscription, 'authorized' | 'supergraph' | 'body'>;

/** @throws TypeError for a plan that is none of a subscription */
export type CompileSubscription = (
  plan: QueryPlan,
  authorized: Authorized,
  supergraph: LoadedSupergraph,
) => CompiledSubscription;

/** Each plan is compiled once, together with the shape of its messages. */
export function createCompileSubscription(): CompileSubscription {
  const known = new WeakMap<Shape, Shared & { readonly plan: QueryPlan }>();
  return (plan, authorized, supergraph) => {
    let shared = known.get(authorized.shape);
    if (shared?.plan !== plan)
      known.set(authorized.shape, (shared = { plan, ...compile(plan, authorized, supergraph) }));
    const { primary } = shared;
    const { query, operationName, variableUsages } = primary;
    const name = operationName === undefined ? '' : `,"operationName":${JSON.stringify(operationName)}`;
    const variables = serializeVariables(variableUsages, authorized.variables, []);
    const body = `{"query":${JSON.stringify(query)}${name},"variables":${variables}}`;
    return { ...shared, authorized, supergraph, body };
  };
}

function compile(plan: QueryPlan, authorized: Authorized, supergraph: LoadedSupergraph): Shared {
  const { apiSchema, supergraphSchema } = supergraph;
  const objects = interfaceObjects(supergraphSchema);
  return {
    ...createSubscriptionSteps(plan),
    shape: createResponseShape({ apiSchema, interfaceObjects: objects }, authorized.shape),
    schema: supergraphSchema,
    refusals: authorized.refusals.map(({ path }) => createResponseError('UNAUTHORIZED_FIELD_OR_TYPE', path)),
  };
}
