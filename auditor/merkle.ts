import { hash as digest } from 'node:crypto';

const EMPTY_ROOT = digest('sha256', '', 'buffer');

/** SHA-256(0x00 || leaf) (RFC 9162 section 2.1.1). */
export function leafHash(leaf: Uint8Array): Buffer {
  return digest('sha256', Buffer.concat([LEAF, leaf]), 'buffer');
}

const LEAF = new Uint8Array([0]);
const NODE = new Uint8Array([1]);

function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return digest('sha256', Buffer.concat([NODE, left, right]), 'buffer');
}

export interface InclusionClaim {
  readonly index: number;
  readonly size: number;
  readonly leafHash: Buffer;
  readonly root: Buffer;
  readonly proof: readonly Buffer[];
}

/** Whether the proof shows that the leaf stands at its index in the tree (RFC 9162 section 2.1.3.2). */
export function verifyInclusion({ index, size, leafHash: leaf, root, proof }: InclusionClaim): boolean {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size || leaf.length !== 32) return false;
  let at = BigInt(index);
  let last = BigInt(size) - 1n;
  let hash = leaf;
  for (const sibling of proof) {
    if (last === 0n || sibling.length !== 32) return false;
    if (isOdd(at) || at === last) {
      hash = nodeHash(sibling, hash);
      while (!isOdd(at) && at !== 0n) [at, last] = [at >> 1n, last >> 1n];
    } else hash = nodeHash(hash, sibling);
    [at, last] = [at >> 1n, last >> 1n];
  }
  return last === 0n && hash.equals(root);
}

export interface ConsistencyClaim {
  readonly oldSize: number;
  readonly size: number;
  readonly oldRoot: Buffer;
  readonly root: Buffer;
  readonly proof: readonly Buffer[];
}

/** Whether the proof shows that the newer tree only appends to the older one (RFC 9162 section 2.1.4.2). */
export function verifyConsistency({ oldSize, size, oldRoot, root, proof }: ConsistencyClaim): boolean {
  if (!Number.isSafeInteger(oldSize) || oldSize < 0 || oldSize > size) return false;
  if (oldSize === 0 && size > 0) return false; // an empty tree is a prefix of everything, and proves nothing
  if (oldSize === size)
    return proof.length === 0 && oldRoot.equals(root) && (size > 0 || root.equals(EMPTY_ROOT));
  let at = BigInt(oldSize) - 1n;
  let last = BigInt(size) - 1n;
  while (isOdd(at)) [at, last] = [at >> 1n, last >> 1n];
  const [first, ...rest] = at === 0n ? [oldRoot, ...proof] : proof;
  if (first === undefined) return false;
  let oldHash = first;
  let hash = first;
  for (const sibling of rest) {
    if (last === 0n || sibling.length !== 32) return false;
    if (isOdd(at) || at === last) {
      oldHash = nodeHash(sibling, oldHash);
      hash = nodeHash(sibling, hash);
      while (!isOdd(at) && at !== 0n) [at, last] = [at >> 1n, last >> 1n];
    } else hash = nodeHash(hash, sibling);
    [at, last] = [at >> 1n, last >> 1n];
  }
  return last === 0n && oldHash.equals(oldRoot) && hash.equals(root);
}

/** The root of a tree whose leaves come one after the other (RFC 9162 section 2.1.2). */
export class RootAccumulator {
  readonly #hashes: Buffer[] = [];
  #size = 0;

  append(leaf: Buffer): void {
    let hash = leaf;
    for (let complete = this.#size; complete % 2 === 1; complete = (complete - 1) / 2)
      hash = nodeHash(this.#hashes.pop() ?? EMPTY_ROOT, hash);
    this.#hashes.push(hash);
    this.#size += 1;
  }

  root(): Buffer {
    const [last, ...others] = [...this.#hashes].reverse();
    return last === undefined ? EMPTY_ROOT : others.reduce((right, left) => nodeHash(left, right), last);
  }
}

function isOdd(value: bigint): boolean {
  return (value & 1n) === 1n;
}
