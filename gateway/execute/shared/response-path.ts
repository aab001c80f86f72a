/** Execute, at an error: where in the answer something is that was found in the fetched data. */

import type { FieldShape, ObjectShape } from './response-shape.ts';

/** A path in the fetched data as a path of the answer, as far down as the client asked for it. */
export function toResponsePath(
  shape: ObjectShape,
  path: readonly (string | number)[],
): readonly (string | number)[] {
  const result: (string | number)[] = [];
  let shapes: readonly ObjectShape[] = [shape];
  for (const key of path) {
    if (typeof key === 'number') {
      result.push(key);
      continue;
    }
    const field = fieldUnder(shapes, key);
    if (field === undefined) return result;
    result.push(field.key);
    shapes = shapesBelow(field);
  }
  return result;
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
