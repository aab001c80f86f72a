import { createPublicKey } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, type JWK } from 'jose';
import type { SigningAlgorithm } from '@aduana/core/tokens/signing-algorithm';

/** What the world knows of a signing key, pinned to its one algorithm (RFC 8725 section 3.1). */
export interface PublicSigningKey {
  /** RFC 7638 thumbprint. */
  readonly kid: string;
  readonly algorithm: SigningAlgorithm;
  /** With `kid`, `alg` and `use`; no private member. */
  readonly publicJwk: JWK;
}

const LEAST_MODULUS_BITS = 2048;

/** @param bare the public members alone (RFC 7517 section 4, RFC 7518 section 6) */
export async function describePublicKey(algorithm: SigningAlgorithm, bare: JWK): Promise<PublicSigningKey> {
  const kid = await calculateJwkThumbprint(bare, 'sha256');
  return { kid, algorithm, publicJwk: { ...bare, kid, alg: algorithm, use: 'sig' } };
}

/**
 * A key whose private part lies elsewhere.
 *
 * @param spki DER of a SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7)
 * @throws TypeError when it is no key for that algorithm
 */
export async function readPublicKey(algorithm: SigningAlgorithm, spki: Buffer): Promise<PublicSigningKey> {
  const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  const fits = {
    ES256: key.asymmetricKeyType === 'ec' && namedCurve === 'prime256v1',
    RS256: key.asymmetricKeyType === 'rsa' && modulusLength >= LEAST_MODULUS_BITS,
    EdDSA: key.asymmetricKeyType === 'ed25519',
  }[algorithm];
  if (!fits) throw new TypeError(`not a public key for ${algorithm}`);
  return describePublicKey(algorithm, await exportJWK(key));
}
