/** Execute, interpreter: the renamed keys and replaced values that a plan asks for, before a fetch and after it. */

import type { FetchDataRewrite } from '@apollo/query-planner';
import type { GraphQLSchema } from 'graphql';
import { getOwn, isJsonObject, type JsonObject, setOwn } from '../shared/json-object.ts';
import { isTypeOrSubtype } from '../../planner/type-relation.ts';

const FRAGMENT = '... on ';

/** Applies a plan's rewrites in place: to the copy that a subgraph is sent, or to what it answered. */
export function applyRewrites(
  schema: GraphQLSchema,
  rewrites: readonly FetchDataRewrite[] | undefined,
  value: unknown,
): void {
  for (const rewrite of rewrites ?? []) {
    const last = rewrite.path.at(-1);
    if (last === undefined || last.startsWith(FRAGMENT))
      throw new TypeError('The plan has a rewrite that does not end in a field');
    visit(schema, rewrite.path.slice(0, -1), value, (object) => {
      rewriteField(rewrite, object, last);
    });
  }
}

function rewriteField(rewrite: FetchDataRewrite, object: JsonObject, field: string): void {
  if (rewrite.kind === 'ValueSetter') {
    setOwn(object, field, rewrite.setValueTo);
    return;
  }
  if (!Object.hasOwn(object, field)) return;
  setOwn(object, rewrite.renameKeyTo, object[field]);
  Reflect.deleteProperty(object, field);
}

function visit(
  schema: GraphQLSchema,
  path: readonly string[],
  value: unknown,
  apply: (object: JsonObject) => void,
): void {
  if (Array.isArray(value)) {
    for (const element of value) visit(schema, path, element, apply);
    return;
  }
  if (!isJsonObject(value)) return;
  const [first, ...rest] = path;
  if (first === undefined) {
    apply(value);
  } else if (!first.startsWith(FRAGMENT)) {
    visit(schema, rest, getOwn(value, first), apply);
  } else {
    const typeName = getOwn(value, '__typename');
    // Received objects do not always carry their type: the planner relies on the rewrite all the same.
    if (typeof typeName !== 'string' || isTypeOrSubtype(schema, typeName, first.slice(FRAGMENT.length)))
      visit(schema, rest, value, apply);
  }
}
