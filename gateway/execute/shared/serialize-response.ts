/** Execute, after the last fetch: fetched data becomes the JSON text and the errors of the answer. */

import { type ResponseError, createResponseError, createExplanation } from './response-errors.ts';
import type { PreparedOperation } from './prepare-operation.ts';
import { completeResponse } from './complete-response.ts';
import type { JsonObject } from './json-object.ts';

/** The answer of an execution, before the refusals of authorization are added. */
export interface SerializedResponse {
  /** The JSON text of the answer's `data`. */
  readonly data: string;
  readonly errors: readonly ResponseError[];
}

/** Shapes a fetched tree; what does not fit is an error, unless a fetch's own error lies above or below it. */
export function serializeResponse(
  { schema, shape }: Pick<PreparedOperation, 'schema' | 'shape'>,
  tree: JsonObject,
  errors: readonly ResponseError[],
  introspection: Readonly<Record<string, unknown>> = {},
): SerializedResponse {
  const explained = createExplanation(errors);
  const mismatches: ResponseError[] = [];
  const data = completeResponse(schema, shape, tree, introspection, (path, mismatch) => {
    if (mismatch === 'missing' && explained(path)) return;
    mismatches.push(createResponseError(mismatch === 'hidden' ? 'VALUE_HIDDEN' : 'SUBGRAPH_ERROR', path));
  });
  return { data: JSON.stringify(data), errors: [...errors, ...mismatches] };
}
