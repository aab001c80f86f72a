/** Execute, incremental delivery: which part an error belongs to. */

import type { FieldShape, ObjectShape } from '../shared/response-shape.ts';
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
  return findPart(
    fields.flatMap(({ children }) => children?.forEveryType() ?? []),
    path,
  );
}
