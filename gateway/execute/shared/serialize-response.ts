/** Execute, after the last fetch: fetched data becomes the JSON text and the errors of the answer. */

import { type AnswerError, createAnswerError, createExplanation } from './answer-errors.ts';
import type { PreparedOperation } from './prepare-operation.ts';
import { completeAnswer } from './complete-answer.ts';
import type { JsonObject } from './json-object.ts';

/** The answer of an execution, before the refusals of authorization are added. */
export interface SerializedResponse {
  /** The JSON text of the answer's `data`. */
  readonly data: string;
  readonly errors: readonly AnswerError[];
}

/** Shapes a fetched tree; what does not fit is an error, unless a fetch's own error lies above or below it. */
export function serializeResponse(
  { schema, shape }: Pick<PreparedOperation, 'schema' | 'shape'>,
  tree: JsonObject,
  errors: readonly AnswerError[],
  introspection: Readonly<Record<string, unknown>> = {},
): SerializedResponse {
  const explained = createExplanation(errors);
  const mismatches: AnswerError[] = [];
  const data = completeAnswer(schema, shape, tree, introspection, (path, mismatch) => {
    if (mismatch === 'missing' && explained(path)) return;
    mismatches.push(createAnswerError(mismatch === 'hidden' ? 'VALUE_HIDDEN' : 'SUBGRAPH_ERROR', path));
  });
  return { data: JSON.stringify(data), errors: [...errors, ...mismatches] };
}
