import { type GraphQLOutputType, isListType, isNonNullType, isUnionType } from 'graphql';
import type { CompositeShape, FieldShape, ObjectShape } from './answer-shape.ts';
import { isLeafValue } from './is-leaf-value.ts';
import { getOwn, isJsonObject, type JsonObject } from './own-property.ts';

export type AnswerPath = readonly (string | number)[];

/** Told where the fetched data does not fit the schema, perhaps by lacking a value: there is null in the answer. */
export type OnMisfit = (path: AnswerPath, isNull: boolean) => void;

/** A null that may not stand where it is: the object or list around it becomes null. */
const INVALID = Symbol('invalid');

/** Shapes the fetched tree into the answer that the client asked for; null where a null bubbled to the root. */
export function completeAnswer(
  shape: ObjectShape,
  data: JsonObject,
  introspection: Readonly<Record<string, unknown>>,
  onMisfit: OnMisfit,
): JsonObject | null {
  const completion = { introspection, onMisfit, path: [] };
  const answer = completeObject(completion, shape, data);
  return answer === INVALID ? null : answer;
}

interface Completion {
  readonly introspection: Readonly<Record<string, unknown>>;
  readonly onMisfit: OnMisfit;
  readonly path: (string | number)[];
}

function completeObject(
  completion: Completion,
  shape: ObjectShape,
  data: JsonObject,
): JsonObject | typeof INVALID {
  const answer = Object.create(null) as JsonObject;
  for (const field of shape.fields) {
    completion.path.push(field.key);
    const value = completeField(completion, shape, field, data);
    completion.path.pop();
    if (value === INVALID) return INVALID;
    answer[field.key] = value;
  }
  return answer;
}

function completeField(
  completion: Completion,
  shape: ObjectShape,
  field: FieldShape,
  data: JsonObject,
): unknown {
  if (field.refused) return isNonNullType(field.type) ? INVALID : null;
  if (field.name === '__typename') return shape.typeName;
  if (field.name.startsWith('__')) return getOwn(completion.introspection, field.key) ?? null;
  return completeValue(completion, field, field.type, getOwn(data, field.dataKey) ?? null);
}

function completeValue(
  completion: Completion,
  field: FieldShape,
  type: GraphQLOutputType,
  value: unknown,
): unknown {
  if (isNonNullType(type)) {
    const completed =
      value === null ? misfit(completion, true) : completeValue(completion, field, type.ofType, value);
    return completed ?? INVALID;
  }
  if (value === null || value === undefined) return null;
  if (isListType(type)) return completeList(completion, field, type.ofType, value);
  if (field.children !== undefined) return completeComposite(completion, field.children, value);
  if (!isLeafValue(type, value)) return misfit(completion);
  return typeof value === 'number' && String(type) === 'ID' ? String(value) : value;
}

function completeList(
  completion: Completion,
  field: FieldShape,
  elementType: GraphQLOutputType,
  value: unknown,
): unknown {
  if (!Array.isArray(value)) return misfit(completion);
  const answer: unknown[] = [];
  for (const [index, element] of value.entries()) {
    completion.path.push(index);
    const completed = completeValue(completion, field, elementType, element ?? null);
    completion.path.pop();
    if (completed === INVALID) return null;
    answer.push(completed);
  }
  return answer;
}

function completeComposite(completion: Completion, composite: CompositeShape, value: unknown): unknown {
  if (!isJsonObject(value)) return misfit(completion);
  const typeName =
    getOwn(value, '__typename') ?? (isUnionType(composite.type) ? undefined : composite.type.name);
  const shape = typeof typeName === 'string' ? composite.of(typeName) : undefined;
  // An interface object whose implementation nobody told is a value that is missing, not one that is wrong.
  if (shape === undefined) return misfit(completion, typeName === composite.type.name);
  const answer = completeObject(completion, shape, value);
  return answer === INVALID ? null : answer;
}

function misfit({ onMisfit, path }: Completion, isNull = false): null {
  onMisfit([...path], isNull);
  return null;
}
