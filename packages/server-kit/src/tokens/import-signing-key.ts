import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import type { JWK } from 'jose';
import type { SigningKey } from './sign-access-token.ts';
import type { SigningAlgorithm } from '@aduana/core/tokens/signing-algorithm';

const KEY_TYPES: Readonly<Record<SigningAlgorithm, string>> = { ES256: 'ec', RS256: 'rsa', EdDSA: 'ed25519' };

/**
 * A signing key of this process.
 *
 * @throws TypeError when the JWK is no private key of that algorithm with a kid
 */
export function importSigningKey(algorithm: SigningAlgorithm, privateJwk: JWK): SigningKey {
  const { kid, ...members } = privateJwk;
  const key = createPrivateKey({ key: members, format: 'jwk' });
  const { namedCurve = 'prime256v1' } = key.asymmetricKeyDetails ?? {};
  if (kid === undefined || key.asymmetricKeyType !== KEY_TYPES[algorithm] || namedCurve !== 'prime256v1')
    throw new TypeError('not a private signing key with a kid');
  const digest = algorithm === 'EdDSA' ? null : 'sha256';
  return { kid, algorithm, sign: (input) => signAside(digest, input, key) };
}

/** In libuv's pool: an RSA signature would keep everybody else waiting. */
function signAside(digest: string | null, input: Uint8Array, key: KeyObject): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    sign(digest, input, { key, dsaEncoding: 'ieee-p1363' }, (error, signature) => {
      if (error === null) resolve(signature);
      else reject(error);
    });
  });
}
