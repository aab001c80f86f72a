/** Execute, after the last fetch: fetched data becomes the JSON text and the errors of the answer. */

import {
  type ResponseError,
  createResponseError,
  createExplanation,
  MOST_ERRORS,
} from './response-errors.ts';
import { MAX_RESPONSE_CHARACTERS, refuseResponseSize } from './response-size.ts';
import type { PreparedOperation } from './prepare-operation.ts';
import { completeResponse } from './complete-response.ts';
import type { JsonObject } from './json-object.ts';

/** The answer of an execution, before the refusals of authorization are added. */
export interface SerializedResponse {
  /** The JSON text of the answer's `data`. */
  readonly data: string;
  readonly errors: readonly ResponseError[];
}

/**
 * Shapes a fetched tree; what does not fit is an error, unless a fetch's own error lies above or below it.
 *
 * @throws SecurityError `SUBGRAPH_ERROR` where the answer is too large
 */
export function serializeResponse(
  { schema, shape }: Pick<PreparedOperation, 'schema' | 'shape'>,
  tree: JsonObject,
  errors: readonly ResponseError[],
  introspection: Readonly<Record<string, unknown>> = {},
): SerializedResponse {
  const explained = createExplanation(errors);
  const mismatches: ResponseError[] = [];
  const data = completeResponse(schema, shape, tree, introspection, (path, mismatch) => {
    if (mismatches.length >= MOST_ERRORS || (mismatch === 'missing' && explained(path))) return;
    mismatches.push(createResponseError(mismatch === 'hidden' ? 'VALUE_HIDDEN' : 'SUBGRAPH_ERROR', path));
  });
  return { data: serializeData(data), errors: [...errors, ...mismatches] };
}

/** @throws SecurityError `SUBGRAPH_ERROR` where the text is longer than an answer may be */
export function serializeData(data: unknown): string {
  const text = JSON.stringify(data);
  if (text.length > MAX_RESPONSE_CHARACTERS) refuseResponseSize();
  return text;
}
