import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';
import type { SigningAlgorithm } from './signing-algorithm.ts';

export interface GeneratedKey {
  /** RFC 7638 thumbprint. */
  readonly kid: string;
  readonly algorithm: SigningAlgorithm;
  /** With `kid`, `alg` and `use`; no private member. */
  readonly publicJwk: JWK;
  readonly privateJwk: JWK;
}

/** A fresh key pair, pinned to its one algorithm (RFC 8725 section 3.1). */
export async function generateSigningKey(algorithm: SigningAlgorithm): Promise<GeneratedKey> {
  const pair = await generateKeyPair(algorithm, { extractable: true, modulusLength: 2048 });
  const bare = await exportJWK(pair.publicKey);
  const kid = await calculateJwkThumbprint(bare, 'sha256');
  const members = { kid, alg: algorithm, use: 'sig' };
  return {
    kid,
    algorithm,
    publicJwk: { ...bare, ...members },
    privateJwk: { ...(await exportJWK(pair.privateKey)), ...members },
  };
}
