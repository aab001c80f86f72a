/** Execute, interpreter: arguments of `@fromContext`, read from the objects above an entity. */

import type { FetchDataKeyRenamer } from '@apollo/query-planner';
import type { GraphQLSchema } from 'graphql';
import { refuseDepth } from '../shared/entity-representation.ts';
import { isShallow } from '../shared/is-leaf-value.ts';
import { getOwn, isJsonObject, type JsonObject, setOwn } from '../shared/json-object.ts';
import type { Target } from '../shared/flatten-path.ts';
import { isTypeOrSubtype } from '../../planner/type-relation.ts';

const FRAGMENT = '... on ';

/**
 * The variables that `@fromContext` arguments take from what lies above a target.
 *
 * @throws SecurityError `SUBGRAPH_ERROR` where one is nested too deeply to be sent
 */
export function contextValues(
  schema: GraphQLSchema,
  renamers: readonly FetchDataKeyRenamer[],
  target: Target,
): JsonObject {
  const variables: JsonObject = {};
  for (const { path, renameKeyTo } of renamers) {
    const found = read(schema, target, path);
    if (!isShallow(found)) refuseDepth();
    if (found !== undefined) setOwn(variables, renameKeyTo, found);
  }
  return variables;
}

function read(schema: GraphQLSchema, target: Target, path: readonly string[]): unknown {
  let place: Target | undefined = target;
  let climbed = 0;
  for (; path[climbed] === '..'; climbed++) place = place === undefined ? undefined : previousField(place);
  return place === undefined ? undefined : follow(schema, place.value, path.slice(climbed));
}

/** The object that holds the field which leads here, whatever lists lie between. */
function previousField(target: Target): Target | undefined {
  let [way] = target.ways;
  while (typeof way?.key === 'number') [way] = way.parent.ways;
  return way?.parent;
}

function follow(schema: GraphQLSchema, value: unknown, path: readonly string[]): unknown {
  const [first, ...rest] = path;
  if (first === undefined || value === null || value === undefined) return value;
  if (Array.isArray(value)) return value.map((element) => follow(schema, element, path));
  if (!isJsonObject(value)) return undefined;
  if (!first.startsWith(FRAGMENT)) return follow(schema, getOwn(value, first), rest);
  const typeName = getOwn(value, '__typename');
  return typeof typeName !== 'string' || isTypeOrSubtype(schema, typeName, first.slice(FRAGMENT.length))
    ? follow(schema, value, rest)
    : undefined;
}
