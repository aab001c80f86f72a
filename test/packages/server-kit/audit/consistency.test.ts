import { expect, test } from '@jest/globals';
import { continues } from '@aduana/server-kit/audit/consistency';
import {
  consistencyProofRanges,
  foldSubtrees,
  leafHash,
  nodeHash,
  subtreesOf,
  type LeafRange,
} from '@aduana/server-kit/audit/merkle';

const SIZES = Array.from({ length: 34 }, (_, size) => size);

function hashIn(leaves: readonly Buffer[], range: LeafRange): Buffer {
  return foldSubtrees(
    subtreesOf(range).map(({ level, index }) => {
      let row = leaves.slice(index * 2 ** level, (index + 1) * 2 ** level);
      while (row.length > 1)
        row = Array.from({ length: row.length / 2 }, (_, at) => nodeHash(row[2 * at]!, row[2 * at + 1]!));
      return row[0]!;
    }),
  );
}

function claimOf(from: number, to: number, changed?: number) {
  const leaves = SIZES.map((at) => leafHash(String(at)));
  const older = { size: from, root: hashIn(leaves, { from: 0, to: from }) };
  if (changed !== undefined) leaves[changed] = leafHash('changed');
  const newer = { size: to, root: hashIn(leaves, { from: 0, to }) };
  return [older, newer, consistencyProofRanges(from, to).map((range) => hashIn(leaves, range))] as const;
}

test('a tree that was only appended to continues the older one, at every pair of sizes', () => {
  for (const to of SIZES)
    for (const from of SIZES.slice(0, to + 1)) expect(continues(...claimOf(from, to))).toBe(true);
});

test('a tree of which one older leaf was changed does not, whichever leaf that is', () => {
  for (const to of SIZES)
    for (const from of SIZES.slice(0, to + 1))
      for (let changed = 0; changed < from; changed += 1)
        expect(continues(...claimOf(from, to, changed))).toBe(false);
});

test('a shorter tree, and a proof that lacks a hash or has one too many, show nothing', () => {
  const [older, newer, proof] = claimOf(6, 21);
  expect(continues(newer, older, proof)).toBe(false);
  expect(continues(older, newer, proof.slice(1))).toBe(false);
  expect(continues(older, newer, [...proof, newer.root])).toBe(false);
});
