/** Execute, at an error: where in the answer something is that was found in the fetched data. */

import { type GraphQLOutputType, isListType, isNonNullType } from 'graphql';
import type { FieldShape, ObjectShape } from './response-shape.ts';

/**
 * A path in the fetched data as a path of the answer, as far down as the client asked for it: a name that was not asked for
 * ends it, and so does an index where there is no list. So it is no longer than the answer is deep, whatever a subgraph sends.
 *
 * @param below more of the path
 */
export function toResponsePath(
  shape: ObjectShape,
  path: readonly (string | number)[],
  below: readonly (string | number)[] = [],
): readonly (string | number)[] {
  const result: (string | number)[] = [];
  let shapes: readonly ObjectShape[] = [shape];
  let lists = 0;
  for (const keys of [path, below])
    for (const key of keys) {
      if (typeof key === 'number') {
        if (lists === 0) return result;
        lists -= 1;
        result.push(key);
        continue;
      }
      const field = fieldUnder(shapes, key);
      if (field === undefined) return result;
      result.push(field.key);
      lists = listsOf(field.type);
      shapes = shapesBelow(field);
    }
  return result;
}

/** How many lists a value of this type is in. */
function listsOf(type: GraphQLOutputType): number {
  let lists = 0;
  for (let at = type; isNonNullType(at) || isListType(at); at = at.ofType as GraphQLOutputType)
    if (isListType(at)) lists += 1;
  return lists;
}

function fieldUnder(shapes: readonly ObjectShape[], dataKey: string): FieldShape | undefined {
  for (const { fields } of shapes) {
    const field = fields.find((candidate) => candidate.dataKey === dataKey);
    if (field !== undefined) return field;
  }
  return undefined;
}

function shapesBelow({ children }: FieldShape): readonly ObjectShape[] {
  return children === undefined ? [] : children.forEveryType();
}
