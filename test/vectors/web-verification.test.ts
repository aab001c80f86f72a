import { expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Bytes, fromBase64, fromHex, toHex } from '../../console/web/src/verification/bytes.ts';
import {
  leafHash,
  nodeHash,
  RootAccumulator,
  verifyConsistency,
  verifyInclusion,
} from '../../console/web/src/verification/merkle.ts';
import { parseCheckpoint, parseVerifierKey, verifyNote } from '../../console/web/src/verification/note.ts';
import { describeVectors } from '../support/shared-vectors.ts';

interface ProofCase {
  readonly proof: readonly string[] | null;
  readonly wantErr: boolean;
}
interface InclusionCase extends ProofCase {
  readonly leafIdx: number;
  readonly treeSize: number;
  readonly root: string;
  readonly leafHash: string;
}
interface ConsistencyCase extends ProofCase {
  readonly size1: number;
  readonly size2: number;
  readonly root1: string;
  readonly root2: string;
}
interface Reference {
  readonly leaf_hash: readonly { readonly input_hex?: string; readonly input_utf8?: string; readonly hash: string }[];
  readonly node_hash: readonly { readonly left_utf8: string; readonly right_utf8: string; readonly hash: string }[];
  readonly tree: { readonly leaf_inputs_hex: readonly string[]; readonly root_at_size: readonly string[] };
} // prettier-ignore

/** What the server would give: bytes that are none make a hash of the wrong length. */
function bytes(base64: string): Bytes {
  return fromBase64(base64) ?? new Uint8Array();
}

function utf8(text: string): Bytes {
  return new TextEncoder().encode(text);
}

function casesIn(folder: string): readonly (readonly [string, unknown])[] {
  return (readdirSync(folder, { recursive: true }) as string[])
    .filter((file) => file.endsWith('.json'))
    .map((file) => [file, JSON.parse(readFileSync(join(folder, file), 'utf8')) as unknown]);
}

describeVectors('in a browser: proofs of transparency-dev', 'transparency-dev-merkle/testdata', (folder) => {
  test('inclusion', async () => {
    const cases = casesIn(join(folder, 'inclusion')) as readonly (readonly [string, InclusionCase])[];
    expect(cases.length).toBeGreaterThan(50);
    for (const [name, { leafIdx: index, treeSize: size, root, leafHash: leaf, proof, wantErr }] of cases) {
      const claim = { index, size, leaf: bytes(leaf), root: bytes(root), proof: (proof ?? []).map(bytes) };
      expect([name, await verifyInclusion(claim)]).toEqual([name, !wantErr]);
    }
  });

  test('consistency', async () => {
    const cases = casesIn(join(folder, 'consistency')) as readonly (readonly [string, ConsistencyCase])[];
    expect(cases.length).toBeGreaterThan(50);
    for (const [name, { size1: first, size2: second, root1, root2, proof, wantErr }] of cases) {
      const [firstRoot, secondRoot] = [bytes(root1), bytes(root2)];
      const holds = await verifyConsistency({ first, second, firstRoot, secondRoot, proof: (proof ?? []).map(bytes) });
      // An empty tree is a prefix of everything, and proves nothing: here it is never believed.
      expect([name, holds]).toEqual([name, !wantErr && first > 0]);
    }
  }); // prettier-ignore
});

describeVectors('in a browser: the reference tree of RFC 6962', 'rfc6962-reference', (folder) => {
  const reference = JSON.parse(readFileSync(join(folder, 'reference.json'), 'utf8')) as Reference;

  test('hashes of leaves and nodes', async () => {
    for (const { input_hex, input_utf8, hash } of reference.leaf_hash) {
      const input = input_hex === undefined ? utf8(input_utf8 ?? '') : fromHex(input_hex);
      expect(toHex(await leafHash(input ?? new Uint8Array([9])))).toBe(hash);
    }
    for (const { left_utf8, right_utf8, hash } of reference.node_hash)
      expect(toHex(await nodeHash(utf8(left_utf8), utf8(right_utf8)))).toBe(hash);
  });

  test('roots of every size', async () => {
    const tree = new RootAccumulator();
    for (const [at, input] of reference.tree.leaf_inputs_hex.entries()) {
      await tree.append(await leafHash(fromHex(input) ?? new Uint8Array([9])));
      expect(reference.tree.root_at_size).toContain(toHex(await tree.root()));
      expect(tree.size).toBe(at + 1);
    }
  });
});

describeVectors('in a browser: the signed note of C2SP', 'c2sp', (folder) => {
  const { vkey, note } = JSON.parse(readFileSync(join(folder, 'signed-note-example.json'), 'utf8')) as {
    vkey: string;
    note: string;
  };

  test('opens with its key, and not once a letter is changed', async () => {
    const key = await parseVerifierKey(vkey);
    expect(key).toBeDefined();
    expect(await verifyNote(note, key!)).toBe('valid');
    expect(await verifyNote(note.replace('example', 'Example'), key!)).toBe('invalid');
    expect(await verifyNote(note.replace(/— \S+/u, '— other.example'), key!)).toBe('unsigned');
    expect(await parseVerifierKey(vkey.replace('530d903a', '530d903b'))).toBeUndefined();
  });
});

describeVectors('in a browser: the Tessera log', 'tessera-log/testdata/log', (folder) => {
  const vkey = 'example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx';

  test('has checkpoints of every size with a valid signature', async () => {
    const key = await parseVerifierKey(vkey);
    for (let size = 0; size < 16; size += 1) {
      const note = readFileSync(join(folder, `checkpoint.${String(size)}`), 'utf8');
      expect(await verifyNote(note, key!)).toBe('valid');
      expect(parseCheckpoint(note)?.size).toBe(size);
    }
  });
});
