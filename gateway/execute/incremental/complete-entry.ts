/** Execute, incremental delivery: completes the first part and each later one. */

import { type ResponseError, createResponseError, MOST_ERRORS } from '../shared/response-errors.ts';
import {
  type ResponsePosition,
  type Completion,
  completePart,
  type DeferredObject,
  type DeferredPlace,
  type Mismatch,
} from '../shared/complete-response.ts';
import type { CompletedParts } from '../shared/completed-parts.ts';
import { serializeData } from '../shared/serialize-response.ts';
import { type JsonObject, objectAt } from '../shared/json-object.ts';
import type { PreparedIncremental } from './prepare-incremental.ts';
import type { IncrementalEntry } from './incremental-delivery.ts';

/** What has been fetched for a part, and for those that it lies in. */
export interface Known {
  readonly tree: JsonObject;
  readonly errors: readonly ResponseError[];
  /** Whether one of them explains a null. */
  readonly explains: (path: ResponsePosition) => boolean;
  /** Those of the part's own step. */
  readonly own?: readonly ResponseError[];
}

type Introspection = Readonly<Record<string, unknown>> | undefined;

/** The first part of an answer, and where something comes later, though perhaps below a null. */
export function completeFirst(
  { schema, split }: PreparedIncremental,
  { tree, explains }: Known,
  introspection: Introspection,
  parts: CompletedParts,
): {
  readonly answer: JsonObject | null;
  readonly errors: readonly ResponseError[];
  readonly deferred: readonly DeferredObject[];
} {
  const deferred: DeferredObject[] = [];
  const mismatches = createMismatches(explains);
  const answer = completePart(
    {
      schema,
      introspection: introspection ?? {},
      parts,
      path: [],
      dataPath: [],
      onMismatch: mismatches.note,
      onDeferred: (object) => deferred.push(object),
    },
    split,
    tree,
  );
  return { answer, errors: mismatches.errors, deferred };
}

/** What comes later of one object, and what of that comes later still. */
export function completeEntry(
  { schema }: PreparedIncremental,
  { path, dataPath, shape, defer }: DeferredPlace,
  { tree, explains }: Known,
  introspection: Introspection,
  parts: CompletedParts,
): { readonly entry: IncrementalEntry; readonly below: readonly DeferredObject[] } {
  const below: DeferredObject[] = [];
  const mismatches = createMismatches(explains);
  const completion: Completion = {
    schema,
    introspection: introspection ?? {},
    parts,
    path: [...path],
    dataPath: [...dataPath],
    onMismatch: mismatches.note,
    onDeferred: (object) => below.push(object),
  };
  const value = objectAt(tree, dataPath);
  const data = value === undefined ? null : completePart(completion, shape, value);
  return {
    entry: { path, label: defer.label, data: serializeData(data), errors: mismatches.errors },
    below: below.filter((object) => objectAt(data, object.path.slice(path.length)) !== undefined),
  };
}

/** What does not fit is an error, unless one that is known lies above or below it. */
function createMismatches(explained: Known['explains']) {
  const errors: ResponseError[] = [];
  return {
    errors,
    note(path: ResponsePosition, mismatch: Mismatch): void {
      if (errors.length >= MOST_ERRORS || (mismatch === 'missing' && explained(path))) return;
      errors.push(createResponseError(mismatch === 'hidden' ? 'VALUE_HIDDEN' : 'SUBGRAPH_ERROR', path));
    },
  };
}
