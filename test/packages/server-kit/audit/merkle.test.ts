import { describe, expect, test } from '@jest/globals';
import {
  consistencyProofRanges,
  EMPTY_ROOT,
  foldSubtrees,
  Frontier,
  inclusionProofRanges,
  leafHash,
  type LeafRange,
  nodeHash,
  subtreesOf,
} from '@aduana/server-kit/audit/merkle';
import { verifyConsistency, verifyInclusion } from '@aduana/audit-verifier/merkle';

const LEAVES = Array.from({ length: 70 }, (_, index) => leafHash(`leaf ${String(index)}`));

/** The definition of RFC 6962 section 2.1, as it stands there. */
function definition(leaves: readonly Buffer[]): Buffer {
  const [first] = leaves;
  if (first === undefined) return EMPTY_ROOT;
  if (leaves.length === 1) return first;
  let half = 1;
  while (half * 2 < leaves.length) half *= 2;
  return nodeHash(definition(leaves.slice(0, half)), definition(leaves.slice(half)));
}

const rangeHash = (range: LeafRange): Buffer =>
  foldSubtrees(
    subtreesOf(range).map(({ level, index }) =>
      definition(LEAVES.slice(index * 2 ** level, (index + 1) * 2 ** level)),
    ),
  );

describe('the Merkle tree', () => {
  test('has the root that RFC 6962 defines, at every size', () => {
    const frontier = new Frontier();
    expect(frontier.root()).toEqual(definition([]));
    for (const leaf of LEAVES) {
      frontier.append(leaf);
      expect(frontier.root()).toEqual(definition(LEAVES.slice(0, frontier.size)));
    }
  });

  test('proves every leaf in every tree, to a verifier that shares no code', () => {
    for (let size = 1; size <= LEAVES.length; size += 1)
      for (let index = 0; index < size; index += 1) {
        const proof = inclusionProofRanges(index, size).map(rangeHash);
        const leaf = LEAVES[index] ?? EMPTY_ROOT;
        expect(
          verifyInclusion({ index, size, leafHash: leaf, root: definition(LEAVES.slice(0, size)), proof }),
        ).toBe(true);
      }
  });

  test('proves every older tree a prefix of every newer one, to a verifier that shares no code', () => {
    for (let size = 1; size <= LEAVES.length; size += 1)
      for (let oldSize = 1; oldSize <= size; oldSize += 1)
        expect(
          verifyConsistency({
            first: oldSize,
            second: size,
            firstRoot: definition(LEAVES.slice(0, oldSize)),
            secondRoot: definition(LEAVES.slice(0, size)),
            proof: consistencyProofRanges(oldSize, size).map(rangeHash),
          }),
        ).toBe(true);
  });

  test('has no proof beyond its end or backwards', () => {
    expect(() => inclusionProofRanges(5, 5)).toThrow(RangeError);
    expect(() => inclusionProofRanges(-1, 5)).toThrow(RangeError);
    expect(() => consistencyProofRanges(6, 5)).toThrow(RangeError);
  });
});
