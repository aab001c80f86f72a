/** Execute, incremental delivery: which part an error belongs to. */

import type { ShapeSelection } from '../../stages.ts';
import type { CompositeShape, FieldShape, ObjectShape } from '../shared/response-shape.ts';
import type { ResponsePosition } from '../shared/complete-response.ts';

/** Whose a path is: of the shapes' own part, of one that comes later, or of none. */
export type PathOwner = 'own' | 'later' | 'none';

/** @param path from the object that the shapes are of */
export function findPart(shapes: readonly ObjectShape[], path: ResponsePosition): PathOwner {
  const at = path.findIndex((key) => typeof key === 'string');
  if (at === -1) return 'own';
  const below = path.slice(at + 1);
  const fields = shapes.flatMap(({ fields: all }) => all.filter(({ key }) => key === path[at]));
  const found = fields.length === 0 ? 'none' : belowFields(fields, below);
  if (found !== 'none') return found;
  const later = shapes.flatMap(({ deferred = [] }) => deferred.map(({ shape }) => shape));
  return later.length > 0 && findPart(later, path.slice(at)) !== 'none' ? 'later' : 'none';
}

function belowFields(fields: readonly FieldShape[], path: ResponsePosition): PathOwner {
  if (!path.some((key) => typeof key === 'string')) return 'own';
  const composites = withoutAlike(fields.flatMap(({ children }) => children ?? []));
  return findPart(
    composites.flatMap((composite) => composite.forEveryType()),
    path,
  );
}

/** One of those that have the same shapes: each type of an interface has a composite of its own below each of its fields. */
function withoutAlike(composites: readonly CompositeShape[]): readonly CompositeShape[] {
  const known = new Map<ShapeSelection | undefined, CompositeShape[]>();
  return composites.filter((composite) => {
    const [first] = composite.selections;
    const alike = known.get(first) ?? [];
    if (alike.some((other) => isAlike(other, composite))) return false;
    known.set(first, [...alike, composite]);
    return true;
  });
}

function isAlike(one: CompositeShape, other: CompositeShape): boolean {
  return (
    one.type === other.type &&
    one.selections.length === other.selections.length &&
    one.selections.every((selection, index) => selection === other.selections[index])
  );
}
