/** Execute, compiler, code generation: statements that look up what the fetches brought for a place of the answer. */

import type { Position } from './answer-positions.ts';
import { additionExpression } from './read-expression.ts';
import type { RepresentationKeys } from './representation-keys.ts';

/**
 * Statements that set `k0`, `k1`, ... to the index of the object that the entity fetches of this place brought for it; -1
 * for none.
 *
 * @param here the representation keys of this position
 */
export function pointerStatements({ id, mixed }: Position, here: readonly RepresentationKeys[]): string[] {
  if (mixed)
    return here.flatMap(({ id: own }) => [
      `const k${String(own)} = state.places[${String(own)}].get(o);`,
      `if (k${String(own)} === undefined) throw FAST_PATH_MISMATCH;`,
    ]);
  return [
    ...(here.length > 0 ? [`const j = c${String(id)}++;`] : []),
    ...here.map(({ id: own }) => `const k${String(own)} = state.pointers[${String(own)}][j];`),
  ];
}

/**
 * Statements that set `a0`, `a1`, ... to the objects that the fetches brought for this place. The places below those
 * objects are counted from there.
 */
export function additionStatements(
  {
    positions,
    keys,
  }: { readonly positions: readonly Position[]; readonly keys: readonly RepresentationKeys[] },
  { additions }: Position,
  here: readonly RepresentationKeys[],
): string[] {
  return additions.flatMap((step) => {
    const { index } = step;
    const pointer =
      step.requires === undefined ? '0' : `k${String(here.find(({ steps }) => steps.includes(step))?.id)}`;
    const counted = countedPositions(positions, keys).filter(({ owner }) => owner === step);
    return [
      `const a${String(index)} = ${additionExpression(index, pointer)};`,
      ...counted.map(
        ({ id }) => `c${String(id)} = ${pointer} < 0 ? 0 : state.offsets[${String(id)}]?.[${pointer}] ?? 0;`,
      ),
    ];
  });
}

/** The positions whose places are distinguished by counting them: entity fetches add to them, and all are of one type. */
export function countedPositions(
  positions: readonly Position[],
  keys: readonly RepresentationKeys[],
): readonly Position[] {
  return positions.filter(({ id, mixed }) => !mixed && keys.some(({ position }) => position.id === id));
}
