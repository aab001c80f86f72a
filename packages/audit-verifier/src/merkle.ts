import { hash as digest } from 'node:crypto';

/** The root of a tree without leaves. */
export const EMPTY_ROOT = digest('sha256', '', 'buffer');
const LEAF = new Uint8Array([0]);
const NODE = new Uint8Array([1]);
const HASH_BYTES = 32;

/** SHA-256(0x00 || leaf) (RFC 9162 section 2.1.1). */
export function leafHash(leaf: Uint8Array): Buffer {
  return digest('sha256', Buffer.concat([LEAF, leaf]), 'buffer');
}

/** SHA-256(0x01 || left || right) (RFC 9162 section 2.1.1). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return digest('sha256', Buffer.concat([NODE, left, right]), 'buffer');
}

/** A SHA-256 hash: 32 bytes, or 64 hexadecimal digits. */
export type Hash = Uint8Array | string;

/** A place in a tree, and what proves it. */
export interface TreeInclusion {
  /** Of the leaf, from 0. */
  readonly index: number;
  /** Of the tree, in leaves. */
  readonly size: number;
  /** The inclusion proof, from the leaf upwards (RFC 9162 section 2.1.3.1). */
  readonly proof: readonly Hash[];
  /** Of the tree. */
  readonly root: Hash;
}

/** That one leaf is in a tree; `leaf` are the bytes of the leaf itself, as such or as hexadecimal digits. */
export type InclusionClaim = TreeInclusion &
  ({ readonly leafHash: Hash } | { readonly leaf: Uint8Array | string });

/**
 * Whether the proof shows that the leaf is at its index in the tree (RFC 9162 section 2.1.3.2). What is malformed
 * proves nothing: it returns false and never throws.
 *
 * @example
 * verifyInclusion({ index: 7, size: 12, leafHash, proof: hashes, root: checkpoint.root });
 */
export function verifyInclusion(claim: InclusionClaim): boolean {
  const { index, size } = claim;
  if (!isSize(index) || !isSize(size) || index >= size) return false;
  const root = toHash(claim.root);
  const proof = toHashes(claim.proof);
  let hash = hashOfLeaf(claim);
  if (root === undefined || proof === undefined || hash === undefined) return false;
  let at = BigInt(index);
  let last = BigInt(size) - 1n;
  for (const sibling of proof) {
    if (last === 0n) return false;
    if (isOdd(at) || at === last) {
      hash = nodeHash(sibling, hash);
      while (!isOdd(at) && at !== 0n) [at, last] = [at >> 1n, last >> 1n];
    } else hash = nodeHash(hash, sibling);
    [at, last] = [at >> 1n, last >> 1n];
  }
  return last === 0n && hash.equals(root);
}

/** That a tree of `second` leaves continues a tree of `first` leaves. */
export interface ConsistencyClaim {
  /** The size of the older tree, in leaves. */
  readonly first: number;
  /** The size of the newer tree, in leaves. */
  readonly second: number;
  /** The consistency proof (RFC 9162 section 2.1.4.1). */
  readonly proof: readonly Hash[];
  readonly firstRoot: Hash;
  readonly secondRoot: Hash;
}

/**
 * Whether the proof shows that the second tree only appends to the first (RFC 9162 section 2.1.4.2). What is malformed
 * proves nothing: it returns false and never throws.
 *
 * @example
 * verifyConsistency({ first: 7, second: 12, proof: hashes, firstRoot: older.root, secondRoot: newer.root });
 */
export function verifyConsistency(claim: ConsistencyClaim): boolean {
  const { first: firstSize, second: secondSize } = claim;
  if (!isSize(firstSize) || !isSize(secondSize) || firstSize > secondSize) return false;
  if (firstSize === secondSize && firstSize > 0) return isSameTree(claim); // one tree: nothing is hashed
  const firstRoot = toHash(claim.firstRoot);
  const root = toHash(claim.secondRoot);
  const proof = toHashes(claim.proof);
  if (firstRoot === undefined || root === undefined || proof === undefined) return false;
  if (firstSize === 0 && secondSize > 0) return false; // an empty tree is a prefix of everything, and proves nothing
  if (firstSize === secondSize)
    return proof.length === 0 && firstRoot.equals(root) && root.equals(EMPTY_ROOT);
  let at = BigInt(firstSize) - 1n;
  let last = BigInt(secondSize) - 1n;
  while (isOdd(at)) [at, last] = [at >> 1n, last >> 1n];
  const [start, ...rest] = at === 0n ? [firstRoot, ...proof] : proof;
  if (start === undefined) return false;
  let firstHash = start;
  let hash = start;
  for (const sibling of rest) {
    if (last === 0n) return false;
    if (isOdd(at) || at === last) {
      firstHash = nodeHash(sibling, firstHash);
      hash = nodeHash(sibling, hash);
      while (!isOdd(at) && at !== 0n) [at, last] = [at >> 1n, last >> 1n];
    } else hash = nodeHash(hash, sibling);
    [at, last] = [at >> 1n, last >> 1n];
  }
  return last === 0n && firstHash.equals(firstRoot) && hash.equals(root);
}

/** Nothing is hashed here, so roots of any length will do, as in the published cases of transparency-dev. */
function isSameTree({ proof, firstRoot, secondRoot }: ConsistencyClaim): boolean {
  const root = toBytes(secondRoot);
  return (
    Array.isArray(proof) &&
    proof.length === 0 &&
    root !== undefined &&
    root.length > 0 &&
    toBytes(firstRoot)?.equals(root) === true
  );
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

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function hashOfLeaf(claim: InclusionClaim): Buffer | undefined {
  if ('leafHash' in claim) return toHash(claim.leafHash);
  const leaf = toBytes(claim.leaf);
  return leaf === undefined ? undefined : leafHash(leaf);
}

function toHashes(values: unknown): readonly Buffer[] | undefined {
  const hashes = Array.isArray(values) ? values.map(toHash) : [undefined];
  return hashes.every((hash) => hash !== undefined) ? hashes : undefined;
}

function toHash(value: unknown): Buffer | undefined {
  const bytes = toBytes(value);
  return bytes?.length === HASH_BYTES ? bytes : undefined;
}

function toBytes(value: unknown): Buffer | undefined {
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (typeof value !== 'string' || value.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(value)) return undefined;
  return Buffer.from(value, 'hex');
}
