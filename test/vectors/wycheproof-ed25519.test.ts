import { describe, expect, test } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { webcrypto } from 'node:crypto';
import { parseJwkSet } from '@aduana/core/tokens/parse-jwk-set';

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

const FILE = new URL('../../../shared/vectors/wycheproof/testvectors_v1/ed25519_test.json', import.meta.url);

/** Published edge cases, where they lie beside the project; those that are said here run everywhere. */
const groups: readonly Group[] = existsSync(FILE)
  ? (JSON.parse(readFileSync(FILE, 'utf8')) as { testGroups: Group[] }).testGroups
  : [
      {
        publicKey: { pk: '7d4d0e7f6153a69b6242b522abbee685fda4420f8834b108c3bdae369ef549fa' },
        tests: [
          { tcId: 1, comment: 'an empty signature', msg: '', sig: '', result: 'invalid' },
          { tcId: 2, comment: 'a signature of zeros', msg: '', sig: '00'.repeat(64), result: 'invalid' },
        ],
      },
    ];

describe('T37 Ed25519 signatures under a key as we import it', () => {
  test.each(groups.map((group) => [group.publicKey.pk, group] as const))('by %s', async (pk, group) => {
    const x = Buffer.from(pk, 'hex').toString('base64url');
    const keys = await parseJwkSet({ keys: [{ kty: 'OKP', crv: 'Ed25519', x, kid: 'k', alg: 'EdDSA' }] }, [
      'EdDSA',
    ]);
    const key = keys.get('k')?.key;
    for (const { tcId, comment, msg, sig, result } of group.tests) {
      const verified =
        key !== undefined &&
        (await webcrypto.subtle
          .verify('Ed25519', key, Buffer.from(sig, 'hex'), Buffer.from(msg, 'hex'))
          .catch(() => false));
      expect([tcId, comment, verified]).toEqual([tcId, comment, result !== 'invalid']);
    }
  });
});
