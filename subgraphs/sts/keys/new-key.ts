import type { SecretProvider } from '@aduana/core/secrets/secret-provider';
import { Secret } from '@aduana/core/secrets/secret';
import { generateSigningKey } from '@aduana/core/tokens/generate-signing-key';
import type { KeyRecord } from '@aduana/core/tokens/key-set';
import { importSigningKey, type SigningKey } from '@aduana/core/tokens/sign-access-token';
import type { SigningAlgorithm } from '@aduana/core/tokens/signing-algorithm';
import type { Jwk } from '@aduana/core/tokens/jwk';

export interface NewKey {
  readonly fresh: Pick<KeyRecord, 'kid' | 'algorithm' | 'publicJwk'>;
  /** The private part as it is stored. */
  readonly wrapped: string;
}

const contextOf = (kid: string): Readonly<Record<string, string>> => ({ purpose: 'signing-key', kid });

/** A fresh key whose private part is wrapped for its own kid alone. */
export async function createKey(algorithm: SigningAlgorithm, secrets: SecretProvider): Promise<NewKey> {
  const { kid, publicJwk, privateJwk } = await generateSigningKey(algorithm);
  const wrapped = await secrets.wrap(Secret.of(JSON.stringify(privateJwk)), contextOf(kid));
  return { fresh: { kid, algorithm, publicJwk }, wrapped };
}

/** @throws SecurityError when the text was wrapped for another kid, or the provider is away */
export async function openKey(
  key: Pick<KeyRecord, 'kid' | 'algorithm'>,
  wrapped: string,
  secrets: SecretProvider,
): Promise<SigningKey> {
  const privateJwk = JSON.parse((await secrets.unwrap(wrapped, contextOf(key.kid))).reveal()) as Jwk;
  return importSigningKey(key.algorithm, { ...privateJwk, kid: key.kid });
}
