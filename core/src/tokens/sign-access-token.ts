import { type CryptoKey, importJWK, type JWK, SignJWT } from 'jose';
import type { AccessTokenClaims } from './access-token.ts';
import type { SigningAlgorithm } from './signing-algorithm.ts';

/** A private key that signs with one algorithm under one kid. */
export interface SigningKey {
  readonly kid: string;
  readonly algorithm: SigningAlgorithm;
  readonly key: CryptoKey;
}

/** @throws TypeError when the JWK is no private key of that algorithm */
export async function importSigningKey(algorithm: SigningAlgorithm, privateJwk: JWK): Promise<SigningKey> {
  const key = await importJWK(privateJwk, algorithm);
  if (key instanceof Uint8Array || key.type !== 'private' || privateJwk.kid === undefined)
    throw new TypeError('not a private signing key with a kid');
  return { kid: privateJwk.kid, algorithm, key };
}

/** The compact serialisation of an access token, `typ: at+jwt` (RFC 9068 section 2.1). */
export function signAccessToken(
  claims: AccessTokenClaims,
  { kid, algorithm, key }: SigningKey,
): Promise<string> {
  return new SignJWT({ ...claims }).setProtectedHeader({ alg: algorithm, kid, typ: 'at+jwt' }).sign(key);
}
