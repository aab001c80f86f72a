import { areEqual, type Bytes, concat, sha256 } from './bytes.ts';

const LEAF = new Uint8Array([0]);
const NODE = new Uint8Array([1]);
const HASH_BYTES = 32;

/** SHA-256(0x00 || leaf) (RFC 6962 section 2.1). */
export function leafHash(leaf: Bytes): Promise<Bytes> {
  return sha256(concat(LEAF, leaf));
}

export function nodeHash(left: Bytes, right: Bytes): Promise<Bytes> {
  return sha256(concat(NODE, left, right));
}

/** One step from a leaf to the root: what is hashed with the node so far, and what that gives. */
export interface ProofStep {
  readonly sibling: Bytes;
  readonly side: 'left' | 'right';
  readonly parent: Bytes;
  /** The leaves that the parent covers: from the first to the one after the last. */
  readonly from: number;
  readonly to: number;
}

export interface InclusionClaim {
  readonly index: number;
  /** Of the tree, in leaves. */
  readonly size: number;
  readonly leaf: Bytes;
  readonly proof: readonly Bytes[];
}

/**
 * The way from a leaf to the root that the proof leads to (RFC 9162 section 2.1.3.2); undefined where the proof has not
 * the form that index and size ask for.
 */
export async function climbProof(claim: InclusionClaim): Promise<readonly ProofStep[] | undefined> {
  const { index, size, proof } = claim;
  if (!isSize(index) || !isSize(size) || index >= size || !areHashes([claim.leaf, ...proof]))
    return undefined;
  const steps: ProofStep[] = [];
  let hash = claim.leaf;
  let at = BigInt(index);
  let last = BigInt(size) - 1n;
  let height = 0;
  for (const sibling of proof) {
    if (last === 0n) return undefined;
    const isRight = isOdd(at) || at === last;
    if (isRight) for (; !isOdd(at) && at !== 0n; height += 1) [at, last] = [at >> 1n, last >> 1n];
    hash = isRight ? await nodeHash(sibling, hash) : await nodeHash(hash, sibling);
    [at, last, height] = [at >> 1n, last >> 1n, height + 1];
    const from = Number(at) * 2 ** height;
    steps.push({
      sibling,
      side: isRight ? 'left' : 'right',
      parent: hash,
      from,
      to: Math.min(from + 2 ** height, size),
    });
  }
  return last === 0n ? steps : undefined;
}

/** Whether the proof shows that the leaf is at its index in the tree with this root. */
export async function verifyInclusion(claim: InclusionClaim & { readonly root: Bytes }): Promise<boolean> {
  const steps = await climbProof(claim);
  return steps !== undefined && areEqual(steps.at(-1)?.parent ?? claim.leaf, claim.root);
}

export interface ConsistencyClaim {
  readonly first: number;
  readonly second: number;
  readonly proof: readonly Bytes[];
  readonly firstRoot: Bytes;
  readonly secondRoot: Bytes;
}

/** Whether the proof shows that the second tree only appends to the first (RFC 9162 section 2.1.4.2). */
export async function verifyConsistency(claim: ConsistencyClaim): Promise<boolean> {
  const { first, second, firstRoot, secondRoot, proof } = claim;
  if (!isSize(first) || !isSize(second) || first > second || first === 0) return false;
  if (first === second) return proof.length === 0 && areEqual(firstRoot, secondRoot);
  if (!areHashes([firstRoot, secondRoot, ...proof])) return false;
  let at = BigInt(first) - 1n;
  let last = BigInt(second) - 1n;
  while (isOdd(at)) [at, last] = [at >> 1n, last >> 1n];
  const [start, ...rest] = at === 0n ? [firstRoot, ...proof] : proof;
  if (start === undefined) return false;
  let [older, newer] = [start, start];
  for (const sibling of rest) {
    if (last === 0n) return false;
    if (isOdd(at) || at === last) {
      [older, newer] = await Promise.all([nodeHash(sibling, older), nodeHash(sibling, newer)]);
      while (!isOdd(at) && at !== 0n) [at, last] = [at >> 1n, last >> 1n];
    } else newer = await nodeHash(newer, sibling);
    [at, last] = [at >> 1n, last >> 1n];
  }
  return last === 0n && areEqual(older, firstRoot) && areEqual(newer, secondRoot);
}

/** The root of a tree whose leaves come one after the other (RFC 6962 section 2.1). */
export class RootAccumulator {
  readonly #hashes: Bytes[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  async append(leaf: Bytes): Promise<void> {
    let hash = leaf;
    for (let complete = this.#size; complete % 2 === 1; complete = (complete - 1) / 2)
      hash = await nodeHash(this.#hashes.pop() ?? hash, hash);
    this.#hashes.push(hash);
    this.#size += 1;
  }

  async root(): Promise<Bytes> {
    const [last, ...others] = [...this.#hashes].reverse();
    if (last === undefined) return sha256(new Uint8Array());
    let root = last;
    for (const left of others) root = await nodeHash(left, root);
    return root;
  }
}

function isOdd(value: bigint): boolean {
  return (value & 1n) === 1n;
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function areHashes(hashes: readonly Bytes[]): boolean {
  return hashes.every(({ length }) => length === HASH_BYTES);
}
