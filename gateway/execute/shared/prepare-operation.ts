/** Execute, before the first fetch: what is computed once for all executions of an operation. */

import { SecurityError } from '@aduana/core/errors/security-error';
import type { GraphQLSchema } from 'graphql';
import { type ResponseError, createResponseError } from './response-errors.ts';
import { createResponseShape, type ObjectShape } from './response-shape.ts';
import { createPlanSteps, type Step } from './plan-steps.ts';
import type { Execution } from './execution.ts';
import { interfaceObjects } from '../../planner/interface-objects.ts';

/** A plan and the shape of its answer, ready to run any number of times. */
export interface PreparedOperation {
  readonly plan: Execution['plan'];
  readonly step: Step | undefined;
  readonly shape: ObjectShape;
  /** The whole supergraph: plans reach what is inaccessible to clients. */
  readonly schema: GraphQLSchema;
  /** What the caller may not have, whatever happens. */
  readonly refusals: readonly ResponseError[];
}

/** @throws SecurityError `OPERATION_NOT_PLANNABLE` where something is selected and the plan would fetch nothing */
export function prepareOperation({ plan, authorized, supergraph }: Execution): PreparedOperation {
  const { apiSchema, supergraphSchema } = supergraph;
  const objects = interfaceObjects(supergraphSchema);
  const shape = createResponseShape({ apiSchema, interfaceObjects: objects }, authorized.shape);
  const step = plan === undefined ? undefined : createPlanSteps(plan);
  if (step === undefined && shape.fields.some(({ name, refused }) => !refused && !name.startsWith('__')))
    throw new SecurityError('OPERATION_NOT_PLANNABLE', { detail: 'the plan is empty' });
  return {
    plan,
    step,
    shape,
    schema: supergraphSchema,
    refusals: authorized.refusals.map(({ path }) => createResponseError('UNAUTHORIZED_FIELD_OR_TYPE', path)),
  };
}
