import { EMPTY_ROOT, nodeHash } from './merkle.ts';

export interface Tree {
  readonly size: number;
  readonly root: Buffer;
}

/** Whether the proof shows that the newer tree only appends to the older one (RFC 9162 section 2.1.4.2). */
export function continues(older: Tree, newer: Tree, proof: readonly Buffer[]): boolean {
  if (older.size > newer.size) return false;
  if (older.size === newer.size) return older.root.equals(newer.root);
  if (older.size === 0) return older.root.equals(EMPTY_ROOT);
  let at = older.size - 1;
  let last = newer.size - 1;
  while (at % 2 === 1) [at, last] = [half(at), half(last)];
  const [start, ...rest] = at === 0 ? [older.root, ...proof] : proof;
  if (start === undefined) return false;
  let olderHash = start;
  let newerHash = start;
  for (const sibling of rest) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      olderHash = nodeHash(sibling, olderHash);
      newerHash = nodeHash(sibling, newerHash);
      while (at % 2 === 0 && at !== 0) [at, last] = [half(at), half(last)];
    } else newerHash = nodeHash(newerHash, sibling);
    [at, last] = [half(at), half(last)];
  }
  return last === 0 && olderHash.equals(older.root) && newerHash.equals(newer.root);
}

function half(value: number): number {
  return Math.floor(value / 2);
}
