import { sha256 } from '@aduana/core/platform/digest';

const LEAF = Buffer.from([0]);
const NODE = Buffer.from([1]);

/** The root of a tree without leaves: SHA-256 of nothing (RFC 6962 section 2.1). */
export const EMPTY_ROOT: Buffer = sha256('');

/** SHA-256(0x00 || leaf) (RFC 6962 section 2.1). */
export function leafHash(leaf: string | Uint8Array): Buffer {
  return sha256(typeof leaf === 'string' ? `\0${leaf}` : Buffer.concat([LEAF, leaf]));
}

/** SHA-256(0x01 || left || right) (RFC 6962 section 2.1). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return sha256(Buffer.concat([NODE, left, right]));
}

/** A complete subtree: leaves `index * 2^level` up to `(index + 1) * 2^level`. */
export interface Subtree {
  readonly level: number;
  readonly index: number;
}

/** The leaves from `from` up to, not including, `to`. */
export interface LeafRange {
  readonly from: number;
  readonly to: number;
}

/** The complete subtrees that a range is made of, left to right; `from` must be aligned as a node of the tree is. */
export function subtreesOf({ from, to }: LeafRange): Subtree[] {
  const subtrees: Subtree[] = [];
  for (let at = from; at < to;) {
    let level = 0;
    while (2 ** (level + 1) <= to - at) level += 1;
    subtrees.push({ level, index: at / 2 ** level });
    at += 2 ** level;
  }
  return subtrees;
}

/** The hash of a range from the hashes of its complete subtrees, left to right. */
export function foldSubtrees(hashes: readonly Buffer[]): Buffer {
  return hashes.length === 0 ? EMPTY_ROOT : hashes.reduceRight((right, left) => nodeHash(left, right));
}

/**
 * The ranges whose hashes prove that leaf `index` is in the tree of `size`, leaf to root (RFC 6962 section 2.1.1).
 *
 * @throws RangeError when the tree has no such leaf
 */
export function inclusionProofRanges(index: number, size: number): LeafRange[] {
  if (!(index >= 0 && index < size)) throw new RangeError('the leaf is beyond the tree');
  const ranges: LeafRange[] = [];
  let from = 0;
  let to = size;
  while (to - from > 1) {
    const middle = from + largestPowerBelow(to - from);
    if (index < middle) {
      ranges.push({ from: middle, to });
      to = middle;
    } else {
      ranges.push({ from, to: middle });
      from = middle;
    }
  }
  return ranges.reverse();
}

/**
 * The ranges whose hashes prove that the tree of `size` only appends to that of `oldSize` (RFC 6962 section 2.1.2).
 *
 * @throws RangeError when the sizes run backwards
 */
export function consistencyProofRanges(oldSize: number, size: number): LeafRange[] {
  if (!(oldSize >= 0 && oldSize <= size)) throw new RangeError('the old tree is beyond the tree');
  if (oldSize === 0 || oldSize === size) return [];
  const ranges: LeafRange[] = [];
  let from = 0;
  let to = size;
  while (to > oldSize) {
    const middle = from + largestPowerBelow(to - from);
    if (oldSize <= middle) {
      ranges.push({ from: middle, to });
      to = middle;
    } else {
      ranges.push({ from, to: middle });
      from = middle;
    }
  }
  if (from > 0) ranges.push({ from, to });
  return ranges.reverse();
}

/** The tree's right edge: what is needed to append leaves and to compute the root, at most one hash for each bit of the size. */
export class Frontier {
  #size = 0;
  readonly #hashes: Buffer[] = [];

  static of(size: number, hashes: readonly Buffer[]): Frontier {
    const frontier = new Frontier();
    frontier.#size = size;
    frontier.#hashes.push(...hashes);
    return frontier;
  }

  get size(): number {
    return this.#size;
  }

  append(leaf: Buffer): void {
    let hash = leaf;
    for (let complete = this.#size; complete % 2 === 1; complete = (complete - 1) / 2) {
      const left = this.#hashes.pop();
      if (left === undefined) throw new TypeError('the frontier does not fit its size');
      hash = nodeHash(left, hash);
    }
    this.#hashes.push(hash);
    this.#size += 1;
  }

  root(): Buffer {
    return foldSubtrees(this.#hashes);
  }

  copy(): Frontier {
    return Frontier.of(this.#size, this.#hashes);
  }
}

function largestPowerBelow(size: number): number {
  let power = 1;
  while (power * 2 < size) power *= 2;
  return power;
}
