/** Execute, incremental delivery, before the first fetch: what is computed once per operation. */

import { interfaceObjects } from '../../planner/interface-objects.ts';
import type { Authorized } from '../../stages.ts';
import type { LoadedSupergraph } from '../../supergraph/loaded-supergraph.ts';
import { createResponseShape, type ObjectShape } from '../shared/response-shape.ts';
import { prepareOperation, type PreparedOperation } from '../shared/prepare-operation.ts';
import type { DeferStep, Step } from '../shared/plan-steps.ts';
import type { Execution } from '../shared/execution.ts';

/** A plan whose answer has parts. */
export interface PreparedIncremental extends PreparedOperation {
  /** Of the first part, with those that come later. */
  readonly split: ObjectShape;
}

/** @throws SecurityError `OPERATION_NOT_PLANNABLE` */
export function prepareIncremental(execution: Execution): PreparedIncremental {
  const { authorized, supergraph } = execution;
  return { ...prepareOperation(execution), split: splitShape(authorized, supergraph) };
}

/** The shape of the first part, with the shapes of what comes later. */
export function splitShape({ shape }: Authorized, supergraph: LoadedSupergraph): ObjectShape {
  const { apiSchema, supergraphSchema } = supergraph;
  return createResponseShape(
    { apiSchema, interfaceObjects: interfaceObjects(supergraphSchema), splitsDeferred: true },
    shape,
  );
}

/** A step as what comes first and what is planned for parts that come later; where nothing is, all comes first. */
export function splitStep(step: Step | undefined): Pick<DeferStep, 'primary' | 'deferred'> {
  return step?.kind === 'defer' ? step : { primary: step, deferred: [] };
}
