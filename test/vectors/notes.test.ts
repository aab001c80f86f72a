import { expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCheckpoint } from '@aduana/server-kit/audit/checkpoint';
import { openCosignature } from '@aduana/server-kit/audit/cosignature';
import { leafHash, RootAccumulator, verifyInclusion } from '@aduana/audit-verifier/merkle';
import { openNote, parseCheckpoint, parseVerifierKey } from '@aduana/audit-verifier/note';
import { describeVectors } from '../support/shared-vectors.ts';

const readJson = (...path: string[]): unknown => JSON.parse(readFileSync(join(...path), 'utf8'));

function keyOf(vkey: string) {
  const key = parseVerifierKey(vkey);
  if (key === undefined) throw new TypeError('not a verifier key');
  return key;
}

describeVectors('the signed note of C2SP', 'c2sp', (folder) => {
  const { vkey, note } = readJson(folder, 'signed-note-example.json') as { vkey: string; note: string };

  test('opens with its key', () => {
    expect(openNote(note, keyOf(vkey))).toBe('This is an example message.\n');
  });

  test('does not open once a letter is changed, nor with a key whose hash is another', () => {
    expect(openNote(note.replace('example', 'Example'), keyOf(vkey))).toBeUndefined();
    expect(parseVerifierKey(vkey.replace('530d903a', '530d903b'))).toBeUndefined();
  });
});

describeVectors('the Tessera log', 'tessera-log/testdata/log', (folder) => {
  const vkey = 'example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx';

  test.each(Array.from({ length: 16 }, (_, size) => size))(
    'of %d entries verifies from leaf to signature',
    (size) => {
      const note = readFileSync(join(folder, `checkpoint.${String(size)}`), 'utf8');
      const tree = parseCheckpoint(openNote(note, keyOf(vkey)) ?? '');
      expect(openCheckpoint(note, [vkey])).toEqual(tree);
      expect(tree?.size).toBe(size);
      const accumulator = new RootAccumulator();
      const hashes =
        size === 0
          ? []
          : entriesOf(readFileSync(join(folder, `tile/entries/000.p/${String(size)}`))).map(leafHash);
      for (const hash of hashes) accumulator.append(hash);
      expect(accumulator.root()).toEqual(tree?.root);
      if (size > 0)
        expect(Buffer.concat(hashes)).toEqual(readFileSync(join(folder, `tile/0/000.p/${String(size)}`)));
    },
  );
});

/** An entry bundle of the tile layout: each entry after its length in two bytes. */
function entriesOf(bundle: Buffer): Buffer[] {
  const entries: Buffer[] = [];
  for (let at = 0; at < bundle.length;) {
    const length = bundle.readUInt16BE(at);
    entries.push(bundle.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return entries;
}

describeVectors('the cosignatures of Sunlight', 'sunlight/cmd/skylight/testdata', (folder) => {
  const LOG = '000de184301123b9278c086a7d9f68c9577e83872224c197058fd90784ea9706';
  test.each([
    ['a witness', 'witness/witness.v0.json', `witness/${LOG}/checkpoint`],
    [
      'another witness',
      'witness2/witness.v0.json',
      'witness2/88ad7a28caeb0b2aa890fdf0304c2fcaf59fca2ee140134ff8c1300bac493482/checkpoint',
    ],
    ['a mirror', 'witness/mirror/mirror.v0.json', `witness/mirror/${LOG}/checkpoint`],
  ])('of %s', (_, keyFile, noteFile) => {
    const { verifier_keys: keys } = readJson(folder, keyFile) as { verifier_keys: string[] };
    const [text = '', lines = ''] = readFileSync(join(folder, noteFile), 'utf8').split('\n\n');
    const cosignatures = lines.split('\n').map((line) => openCosignature(line, `${text}\n`, keys[0] ?? ''));
    expect(cosignatures.filter((one) => one !== undefined)).toEqual([
      expect.objectContaining({ witness: keys[0]?.split('+')[0] }),
    ]);
    expect(
      lines.split('\n').some((line) => openCosignature(line, `${text}x\n`, keys[0] ?? '') !== undefined),
    ).toBe(false);
  });
});

interface Bundle {
  readonly verificationMaterial: {
    readonly tlogEntries: readonly {
      readonly canonicalizedBody: string;
      readonly inclusionProof?: {
        readonly logIndex: string;
        readonly treeSize: string;
        readonly hashes?: readonly string[];
        readonly checkpoint: { readonly envelope: string };
      };
    }[];
  };
}
interface TrustedRoot {
  readonly tlogs: readonly {
    readonly baseUrl: string;
    readonly publicKey: { readonly rawBytes: string; readonly keyDetails: string };
  }[];
}

describeVectors(
  'the Rekor v2 checkpoints of Sigstore',
  'sigstore-conformance/test/assets/bundle-verify',
  (folder) => {
    const names = readdirSync(folder).filter(
      (name) => name.startsWith('rekor2-checkpoint') || name === 'rekor2-happy-path',
    );

    test.each(names)('%s', (name) => {
      const { tlogs } = readJson(folder, name, 'trusted_root.json') as TrustedRoot;
      const { verificationMaterial } = readJson(folder, name, 'bundle.sigstore.json') as Bundle;
      const keys = tlogs
        .filter(({ publicKey }) => publicKey.keyDetails.includes('ED25519'))
        .map(({ baseUrl, publicKey }) => {
          const typed = Buffer.concat([
            Buffer.from([1]),
            Buffer.from(publicKey.rawBytes, 'base64').subarray(-32),
          ]);
          const host = new URL(baseUrl).host;
          const hash = createHash('sha256')
            .update(`${host}\n`)
            .update(typed)
            .digest()
            .subarray(0, 4)
            .toString('hex');
          return keyOf(`${host}+${hash}+${typed.toString('base64')}`);
        });
      const isProved = verificationMaterial.tlogEntries.every(({ canonicalizedBody, inclusionProof }) =>
        keys.some((key) => {
          const tree = parseCheckpoint(openNote(inclusionProof?.checkpoint.envelope ?? '', key) ?? '');
          if (tree === undefined || inclusionProof === undefined || tree.origin !== key.name) return false;
          return verifyInclusion({
            index: Number(inclusionProof.logIndex),
            size: tree.size,
            leafHash: leafHash(Buffer.from(canonicalizedBody, 'base64')),
            root: tree.root,
            proof: (inclusionProof.hashes ?? []).map((hash) => Buffer.from(hash, 'base64')),
          });
        }),
      );
      expect(isProved).toBe(!name.endsWith('_fail'));
    });
  },
);
