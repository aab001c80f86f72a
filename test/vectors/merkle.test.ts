import { expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EMPTY_ROOT, Frontier, leafHash, nodeHash } from '@aduana/server-kit/audit/merkle';
import {
  leafHash as auditorLeafHash,
  RootAccumulator,
  verifyConsistency,
  verifyInclusion,
} from '@aduana/audit-verifier/merkle';
import { describeVectors } from '../support/shared-vectors.ts';

interface InclusionCase {
  readonly leafIdx: number;
  readonly treeSize: number;
  readonly root: string;
  readonly leafHash: string;
  readonly proof: readonly string[] | null;
  readonly wantErr: boolean;
}
interface ConsistencyCase {
  readonly size1: number;
  readonly size2: number;
  readonly root1: string;
  readonly root2: string;
  readonly proof: readonly string[] | null;
  readonly wantErr: boolean;
}
interface Reference {
  readonly empty_root: string;
  readonly leaf_hash: readonly {
    readonly input_hex?: string;
    readonly input_utf8?: string;
    readonly hash: string;
  }[];
  readonly node_hash: readonly {
    readonly left_utf8: string;
    readonly right_utf8: string;
    readonly hash: string;
  }[];
  readonly tree: { readonly leaf_inputs_hex: readonly string[]; readonly root_at_size: readonly string[] };
}

const bytes = (text: string): Buffer => Buffer.from(text, 'base64');

function casesIn(folder: string): readonly (readonly [string, unknown])[] {
  return (readdirSync(folder, { recursive: true }) as string[])
    .filter((file) => file.endsWith('.json'))
    .map((file) => [file, JSON.parse(readFileSync(join(folder, file), 'utf8')) as unknown]);
}

describeVectors('RFC 6962 proofs of transparency-dev', 'transparency-dev-merkle/testdata', (folder) => {
  test.each(casesIn(join(folder, 'inclusion')))('inclusion %s', (_, one) => {
    const { leafIdx: index, treeSize: size, root, leafHash: leaf, proof, wantErr } = one as InclusionCase;
    const holds = verifyInclusion({
      index,
      size,
      leafHash: bytes(leaf),
      root: bytes(root),
      proof: (proof ?? []).map(bytes),
    });
    expect(holds).toBe(!wantErr);
  });

  test.each(casesIn(join(folder, 'consistency')))('consistency %s', (_, one) => {
    const { size1: first, size2: second, root1, root2, proof, wantErr } = one as ConsistencyCase;
    const holds = verifyConsistency({
      first,
      second,
      firstRoot: bytes(root1),
      secondRoot: bytes(root2),
      proof: (proof ?? []).map(bytes),
    });
    expect(holds).toBe(!wantErr);
  });
});

describeVectors('the RFC 6962 reference tree', 'rfc6962-reference', (folder) => {
  const reference = JSON.parse(readFileSync(join(folder, 'reference.json'), 'utf8')) as Reference;

  test('has our hashes of nothing, of leaves and of nodes', () => {
    expect(EMPTY_ROOT.toString('hex')).toBe(reference.empty_root);
    for (const { input_hex: hex, input_utf8: text, hash } of reference.leaf_hash) {
      const input = hex === undefined ? Buffer.from(text ?? '') : Buffer.from(hex, 'hex');
      expect(leafHash(input).toString('hex')).toBe(hash);
      expect(auditorLeafHash(input).toString('hex')).toBe(hash);
    }
    for (const { left_utf8: left, right_utf8: right, hash } of reference.node_hash)
      expect(nodeHash(Buffer.from(left), Buffer.from(right)).toString('hex')).toBe(hash);
  });

  test('has our roots at every size', () => {
    const leaves = reference.tree.leaf_inputs_hex.map((hex) => Buffer.from(hex, 'hex'));
    const roots = reference.tree.root_at_size;
    const ours = new Frontier();
    const auditors = new RootAccumulator();
    leaves.forEach((leaf, at) => {
      ours.append(leafHash(leaf));
      auditors.append(auditorLeafHash(leaf));
      expect(ours.root().toString('hex')).toBe(roots[at]);
      expect(auditors.root().toString('hex')).toBe(roots[at]);
    });
    expect(leaves).toHaveLength(8);
  });
});
