import { type AnswerError, createAnswerError, createExplanation } from './answer-errors.ts';
import type { ObjectShape } from './answer-shape.ts';
import { completeAnswer } from './complete-answer.ts';
import type { JsonObject } from './own-property.ts';

export interface FinishedData {
  /** The JSON text of the answer's `data`. */
  readonly data: string;
  readonly errors: readonly AnswerError[];
}

/** Shapes a fetched tree; what does not fit is told, unless a fetch's own error lies above or below it. */
export function finishData(
  shape: ObjectShape,
  tree: JsonObject,
  errors: readonly AnswerError[],
  introspection: Readonly<Record<string, unknown>> = {},
): FinishedData {
  const explained = createExplanation(errors);
  const misfits: AnswerError[] = [];
  const data = completeAnswer(shape, tree, introspection, (path, isNull) => {
    if (!isNull || !explained(path)) misfits.push(createAnswerError('SUBGRAPH_ERROR', path));
  });
  return { data: JSON.stringify(data), errors: [...errors, ...misfits] };
}
