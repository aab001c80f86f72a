import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { describePublicKey, type PublicSigningKey } from './public-signing-key.ts';
import type { SigningAlgorithm } from '@aduana/core/tokens/signing-algorithm';

export interface GeneratedKey extends PublicSigningKey {
  readonly privateJwk: JWK;
}

/** A fresh key pair. */
export async function generateSigningKey(algorithm: SigningAlgorithm): Promise<GeneratedKey> {
  const pair = await generateKeyPair(algorithm, { extractable: true, modulusLength: 2048 });
  const described = await describePublicKey(algorithm, await exportJWK(pair.publicKey));
  const members = { kid: described.kid, alg: algorithm, use: 'sig' };
  return { ...described, privateJwk: { ...(await exportJWK(pair.privateKey)), ...members } };
}
