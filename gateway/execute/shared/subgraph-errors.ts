/** Execute, at each response: errors of a subgraph as errors of the answer, without what clients may not know. */

import { ERROR_CODES, type Code } from '@aduana/core/errors/error-codes';
import { MOST_ERRORS, type ResponseError, createResponseError } from './response-errors.ts';
import { NESTING_LIMIT } from '../../limits/measure-document.ts';
import type { FetchStep } from './plan-steps.ts';
import { toResponsePath } from './response-path.ts';
import type { ObjectShape } from './response-shape.ts';
import { getOwn, isJsonObject } from './json-object.ts';
import { firstPath, type Target, targetPaths } from './flatten-path.ts';

/** Codes of a subgraph that reach the client: what its own rules said about this request. */
const PUBLIC_CODES: ReadonlySet<Code> = new Set<Code>([
  'UNAUTHORIZED_FIELD_OR_TYPE',
  'FORBIDDEN',
  'BAD_REQUEST',
  'GRAPHQL_PARSE_FAILED',
  'BAD_USER_INPUT',
  'LIMIT_TOKENS_EXCEEDED',
  'NOT_FOUND',
  'CONFLICT',
  'ROTATION_TOO_EARLY',
  'ROTATION_IN_GRACE',
  'RATE_LIMITED',
  'MTLS_REQUIRED',
  'UNKNOWN_SERVICE',
  'UNKNOWN_KEY',
  'SERVICE_ESSENTIAL',
  'POLICY_INVALID',
  'AUDIT_ENTRY_GONE',
  'NOT_READY',
  'OVERLOADED',
  'AUDIT_UNAVAILABLE',
  'STATUS_UNAVAILABLE',
  'STS_UNAVAILABLE',
  'STORE_UNAVAILABLE',
  'SECRET_PROVIDER_UNAVAILABLE',
]);

/** What else of `extensions` does, in no other form than this. */
const PUBLIC_EXTENSIONS: readonly (readonly [name: string, form: RegExp])[] = [
  ['notBefore', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/],
  ['minimumIndex', /^\d{1,20}$/],
];

/** Where a fetch's answer belongs: the root, or for each representation sent the places that share it. */
export type Destinations = readonly (readonly Target[])[];

const LONGEST_MESSAGE = 500;
/** Of a path: no document is nested deeper, and each of its fields may be a list. */
const MOST_KEYS = 2 * NESTING_LIMIT;

/**
 * A subgraph's errors at the client's paths; extensions but a known code stay behind, and so does the message unless
 * `showsMessages`.
 *
 * @param known how many errors the answer has already
 */
export function translateErrors(
  shape: ObjectShape,
  step: FetchStep,
  destinations: Destinations,
  errors: readonly unknown[],
  showsMessages: boolean,
  known = 0,
): ResponseError[] {
  const most = MOST_ERRORS - known;
  const translated: ResponseError[] = [];
  for (const error of errors) {
    const path = isJsonObject(error) ? getOwn(error, 'path') : undefined;
    const { code, extensions } = readCode(error);
    const message = showsMessages ? readMessage(error) : undefined;
    const keys: readonly unknown[] = Array.isArray(path) ? path : [];
    for (const place of pathsOfError(shape, step, destinations, keys, most)) {
      if (translated.length >= most) return translated;
      translated.push(createResponseError(code, place, extensions, message));
    }
  }
  return translated;
}

function readMessage(error: unknown): string | undefined {
  const message = isJsonObject(error) ? getOwn(error, 'message') : undefined;
  return typeof message === 'string' ? message.slice(0, LONGEST_MESSAGE) : undefined;
}

/** The errors of a fetch that brought nothing: one for each of its fields, or one for the list that they lie in. */
export function failFetch(
  shape: ObjectShape,
  step: FetchStep,
  destinations: Destinations,
  code: Code,
): ResponseError[] {
  return pathsOfFetch(shape, step, destinations).map((path) => createResponseError(code, path));
}

/** The code of a subgraph's error where the client may know it. */
export function readCode(error: unknown): { code: Code; extensions: Record<string, unknown> } {
  const extensions = isJsonObject(error) ? getOwn(error, 'extensions') : undefined;
  const code = isJsonObject(extensions) ? getOwn(extensions, 'code') : undefined;
  if (typeof code !== 'string' || !Object.hasOwn(ERROR_CODES, code) || !PUBLIC_CODES.has(code as Code))
    return { code: 'SUBGRAPH_ERROR', extensions: {} };
  const passed: Record<string, unknown> = {};
  for (const [name, form] of PUBLIC_EXTENSIONS) {
    const value = getOwn(extensions as Record<string, unknown>, name);
    if (typeof value === 'string' && form.test(value)) passed[name] = value;
  }
  return { code: code as Code, extensions: passed };
}

function pathsOfError(
  shape: ObjectShape,
  step: FetchStep,
  destinations: Destinations,
  path: readonly unknown[],
  most: number,
): (readonly (string | number)[])[] {
  if (step.requires === undefined) {
    const keys = readPath(step, path);
    if (keys.length === 0) return pathsOfFetch(shape, step, destinations);
    return pathsBelow(shape, destinations.flat(), keys, most);
  }
  const [entities, index, ...below] = path;
  const targets = entities === '_entities' && typeof index === 'number' ? destinations[index] : undefined;
  if (targets === undefined) return pathsOfFetch(shape, step, destinations);
  return pathsBelow(shape, targets, readPath(step, below), most);
}

function pathsBelow(
  shape: ObjectShape,
  targets: readonly Target[],
  keys: readonly (string | number)[],
  most: number,
): (readonly (string | number)[])[] {
  return targetPaths(targets, most).map((path) => toResponsePath(shape, path, keys));
}

function readPath(step: FetchStep, path: readonly unknown[]): (string | number)[] {
  const keys = path.slice(0, MOST_KEYS).filter((key) => typeof key === 'string' || typeof key === 'number');
  return keys.map((key) => {
    const renamed = step.outputRewrites?.find(
      (rewrite) => rewrite.kind === 'KeyRenamer' && rewrite.path.at(-1) === key,
    );
    return renamed?.kind === 'KeyRenamer' ? renamed.renameKeyTo : key;
  });
}

function pathsOfFetch(
  shape: ObjectShape,
  step: FetchStep,
  destinations: Destinations,
): (readonly (string | number)[])[] {
  const fields: string[] = [];
  for (const { field } of step.path) {
    if (field === undefined) return [toResponsePath(shape, fields)];
    fields.push(field);
  }
  const first = destinations[0]?.[0];
  const place = first === undefined ? fields : firstPath(first);
  const keys = [...step.tree.keys()].filter((key) => key !== '__typename');
  const paths = keys.map((key) => toResponsePath(shape, [...place, key]));
  const reached = paths.filter((path) => path.length > place.length);
  return reached.length > 0 ? reached : [toResponsePath(shape, place)];
}
