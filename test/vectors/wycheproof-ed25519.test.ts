import { expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { webcrypto } from 'node:crypto';
import { parseJwkSet } from '@aduana/core/tokens/parse-jwk-set';
import { describeVectors } from '../support/shared-vectors.ts';

interface Vector {
  readonly tcId: number;
  readonly comment: string;
  readonly msg: string;
  readonly sig: string;
  readonly result: 'valid' | 'invalid' | 'acceptable';
}
interface Group {
  readonly publicKeyJwk?: { readonly x: string };
  readonly publicKey: { readonly pk: string };
  readonly tests: readonly Vector[];
}

/** What holds without the published edge cases. */
const OWN: Group = {
  publicKey: { pk: '7d4d0e7f6153a69b6242b522abbee685fda4420f8834b108c3bdae369ef549fa' },
  tests: [
    { tcId: 1, comment: 'an empty signature', msg: '', sig: '', result: 'invalid' },
    { tcId: 2, comment: 'a signature of zeros', msg: '', sig: '00'.repeat(64), result: 'invalid' },
  ],
};

test('an Ed25519 signature that is not valid is refused', () => verifyGroup(OWN));

describeVectors('Ed25519 signatures under a key as we import it', 'wycheproof/testvectors_v1', (folder) => {
  const text = readFileSync(join(folder, 'ed25519_test.json'), 'utf8');
  const { testGroups: groups } = JSON.parse(text) as { testGroups: Group[] };
  test.each(groups.map((group) => [group.publicKey.pk, group] as const))('by %s', (_, group) =>
    verifyGroup(group),
  );
});

async function verifyGroup({ publicKey, tests }: Group): Promise<void> {
  const x = Buffer.from(publicKey.pk, 'hex').toString('base64url');
  const keys = await parseJwkSet({ keys: [{ kty: 'OKP', crv: 'Ed25519', x, kid: 'k', alg: 'EdDSA' }] }, [
    'EdDSA',
  ]);
  const key = keys.get('k')?.key;
  for (const { tcId, comment, msg, sig, result } of tests) {
    const verified =
      key !== undefined &&
      (await webcrypto.subtle
        .verify('Ed25519', key, Buffer.from(sig, 'hex'), Buffer.from(msg, 'hex'))
        .catch(() => false));
    expect([tcId, comment, verified]).toEqual([tcId, comment, result !== 'invalid']);
  }
}
