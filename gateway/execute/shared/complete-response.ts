/**
 * Execute, after the last fetch: CompleteValue of the specification (GraphQL section 6.4.3) over data that was
 * fetched already.
 */

import {
  type GraphQLOutputType,
  type GraphQLSchema,
  isAbstractType,
  isEnumType,
  isListType,
  isNonNullType,
  isObjectType,
  isUnionType,
} from 'graphql';
import { CompletedParts } from './completed-parts.ts';
import { isTypeOrSubtype } from '../../planner/type-relation.ts';
import type { ResponseSize } from './response-size.ts';
import type { CompositeShape, DeferredShape, FieldShape, ObjectShape } from './response-shape.ts';
import { isLeafValue } from './is-leaf-value.ts';
import { getOwn, isJsonObject, type JsonObject } from './json-object.ts';

/** Response keys and list indices, from the root (GraphQL section 7.1.2). */
export type ResponsePosition = readonly (string | number)[];

/**
 * Why there is null in the answer: the data lacks the value, has one that does not fit the schema, or one that clients
 * may not know (`@inaccessible`) where null may not be.
 */
export type Mismatch = 'missing' | 'wrong' | 'hidden';
/** Called for each null that the data itself does not explain. */
export type OnMismatch = (path: ResponsePosition, mismatch: Mismatch) => void;

/** A null that may not be where it is: the object or list around it becomes null. */
const INVALID = Symbol('invalid');
/** A value that the subgraph may answer and clients may not know. */
const HIDDEN = Symbol('hidden');

/**
 * Shapes the fetched tree into the answer that the client asked for; null where a null bubbled to the root.
 *
 * @param schema the whole supergraph: what it has beyond the API schema is hidden, not wrong
 */
export function completeResponse(
  schema: GraphQLSchema,
  shape: ObjectShape,
  data: JsonObject,
  introspection: Readonly<Record<string, unknown>>,
  onMismatch: OnMismatch,
): JsonObject | null {
  const parts = new CompletedParts();
  return completePart({ schema, introspection, onMismatch, parts, path: [], dataPath: [] }, shape, data);
}

/**
 * Shapes a part of an answer; `onDeferred` gets what comes after it.
 *
 * @throws SecurityError `SUBGRAPH_ERROR` where it is too large
 */
export function completePart(
  completion: Completion,
  shape: ObjectShape,
  data: JsonObject,
): JsonObject | null {
  const answer = completeObject(completion, shape, data);
  return answer === INVALID ? null : answer;
}

/** What completing one object needs, and where in answer and data it is. */
export interface Completion {
  readonly schema: GraphQLSchema;
  readonly introspection: Readonly<Record<string, unknown>>;
  readonly onMismatch: OnMismatch;
  readonly parts: CompletedParts;
  /** Of the object in the answer, and of it in the data. */
  readonly path: (string | number)[];
  readonly dataPath: (string | number)[];
  /** Called for each object of which something comes later, though a null above it may yet take it away. */
  readonly onDeferred?: (object: DeferredObject) => void;
}

/** An object of which something comes later, and where in answer and data it is. */
export interface DeferredObject {
  readonly deferred: readonly DeferredShape[];
  readonly path: ResponsePosition;
  readonly dataPath: ResponsePosition;
}

/** What comes later of one object in one part. */
export interface DeferredPlace extends DeferredShape {
  readonly path: ResponsePosition;
  readonly dataPath: ResponsePosition;
}

/** Beside its key, and the comma or bracket after its value. */
const FIELD_CHARACTERS = 4;
/** At least: a part that comes later has an entry with its path. */
const DEFERRED_SIZE: ResponseSize = { characters: 64, objects: 1 };

function completeObject(
  completion: Completion,
  shape: ObjectShape,
  data: JsonObject,
): JsonObject | typeof INVALID {
  const answer = Object.create(null) as JsonObject;
  completion.parts.room.takeObject();
  for (const field of shape.fields) {
    completion.parts.room.takeCharacters(field.key.length + FIELD_CHARACTERS);
    completion.path.push(field.key);
    completion.dataPath.push(field.dataKey);
    const value = completeField(completion, shape, field, data);
    completion.path.pop();
    completion.dataPath.pop();
    if (value === INVALID) return INVALID;
    answer[field.key] = value;
  }
  const { deferred = [] } = shape;
  if (deferred.length > 0) {
    completion.parts.dependOnPlace();
    completion.parts.room.take(DEFERRED_SIZE);
    completion.onDeferred?.({ deferred, path: [...completion.path], dataPath: [...completion.dataPath] });
  }
  return answer;
}

function completeField(
  completion: Completion,
  shape: ObjectShape,
  field: FieldShape,
  data: JsonObject,
): unknown {
  if (field.refused) return isNonNullType(field.type) ? INVALID : takeLeaf(completion, null);
  if (field.name === '__typename') return takeLeaf(completion, shape.typeName);
  if (field.name.startsWith('__')) return getOwn(completion.introspection, field.key) ?? null;
  const value = getOwn(data, field.dataKey) ?? null;
  return Array.isArray(value)
    ? completion.parts.take(completion, field, value, completeWhole)
    : completeWhole(completion, field, value);
}

function completeWhole(completion: Completion, field: FieldShape, value: unknown): unknown {
  return completeValue(completion, field, field.type, value);
}

function completeValue(
  completion: Completion,
  field: FieldShape,
  type: GraphQLOutputType,
  value: unknown,
): unknown {
  if (!isNonNullType(type)) {
    const completed = completeNullable(completion, field, type, value);
    return completed === HIDDEN || completed === null ? takeLeaf(completion, null) : completed;
  }
  if (value === null) mismatch(completion, 'missing');
  const completed = value === null ? null : completeNullable(completion, field, type.ofType, value);
  if (completed === HIDDEN) mismatch(completion, 'hidden');
  return completed === HIDDEN ? INVALID : (completed ?? INVALID);
}

function completeNullable(
  completion: Completion,
  field: FieldShape,
  type: GraphQLOutputType,
  value: unknown,
): unknown {
  if (value === null || value === undefined) return null;
  if (isListType(type)) return completeList(completion, field, type.ofType, value);
  if (field.children !== undefined) return completeComposite(completion, field.children, value);
  if (isLeafValue(type, value))
    return takeLeaf(completion, typeof value === 'number' && String(type) === 'ID' ? String(value) : value);
  const known = completion.schema.getType(String(type));
  return isEnumType(known) && isLeafValue(known, value) ? HIDDEN : mismatch(completion);
}

function takeLeaf<Leaf>({ parts }: Completion, leaf: Leaf): Leaf {
  parts.room.takeLeaf(leaf);
  return leaf;
}

function completeList(
  completion: Completion,
  field: FieldShape,
  elementType: GraphQLOutputType,
  value: unknown,
): unknown {
  if (!Array.isArray(value)) return mismatch(completion);
  const answer: unknown[] = [];
  completion.parts.room.takeObject();
  for (const [index, element] of value.entries()) {
    completion.parts.room.takeCharacters(1);
    completion.path.push(index);
    completion.dataPath.push(index);
    const completed = completeValue(completion, field, elementType, element ?? null);
    completion.path.pop();
    completion.dataPath.pop();
    if (completed === INVALID) return null;
    answer.push(completed);
  }
  return answer;
}

function completeComposite(completion: Completion, composite: CompositeShape, value: unknown): unknown {
  if (!isJsonObject(value)) return mismatch(completion);
  return completion.parts.take(completion, composite, value, completeTyped);
}

function completeTyped(completion: Completion, composite: CompositeShape, value: JsonObject): unknown {
  const typeName =
    getOwn(value, '__typename') ?? (isUnionType(composite.type) ? undefined : composite.type.name);
  const shape = typeof typeName === 'string' ? composite.forType(typeName) : undefined;
  if (shape === undefined) {
    if (isHiddenType(completion.schema, composite, typeName)) return HIDDEN;
    // An interface object whose implementation is not known is a value that is missing, not one that is wrong.
    return mismatch(completion, typeName === composite.type.name ? 'missing' : 'wrong');
  }
  const answer = completeObject(completion, shape, value);
  return answer === INVALID ? null : answer;
}

/** Whether an object of the type may be there in the whole supergraph, though not in what clients see of it. */
function isHiddenType(schema: GraphQLSchema, { type }: CompositeShape, typeName: unknown): boolean {
  if (typeof typeName !== 'string' || !isObjectType(schema.getType(typeName))) return false;
  return isAbstractType(type) && isTypeOrSubtype(schema, typeName, type.name);
}

function mismatch(completion: Completion, kind: Mismatch = 'wrong'): null {
  completion.parts.dependOnPlace();
  completion.onMismatch([...completion.path], kind);
  return null;
}
