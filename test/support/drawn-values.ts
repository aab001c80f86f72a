/** Draws a number from 0 up to, not including, `below`. */
export type Draw = (below: number) => number;

export function pick<Item>(items: readonly Item[], draw: Draw): Item {
  const item = items[draw(items.length)];
  if (item === undefined) throw new TypeError('nothing to pick from');
  return item;
}

export function pickSome<Item>(items: readonly Item[], draw: Draw): Item[] {
  const some = items.filter(() => draw(2) === 0);
  return some.length > 0 ? some : [pick(items, draw)];
}

/** FNV-1a, so that both subgraphs and the oracle tell the same story. */
export function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const character of text) value = Math.imul(value ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return value >>> 3;
}
