import { createPublicKey, verify } from 'node:crypto';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { PublicSigningKey } from './public-signing-key.ts';
import type { SigningKey } from './sign-access-token.ts';
import type { Signer } from './signer.ts';

/**
 * A signing key whose signer lies elsewhere: its first signature must verify under the published key, or none is given
 * out.
 */
export function checkFirstSignature(
  { kid, algorithm, publicJwk }: PublicSigningKey,
  signer: Signer,
): SigningKey {
  const state = { checked: false };
  return {
    kid,
    algorithm,
    async sign(input) {
      const signature = await signer.sign(input);
      if (state.checked) return signature;
      const key = createPublicKey({ key: publicJwk, format: 'jwk' });
      const digest = algorithm === 'EdDSA' ? null : 'sha256';
      if (!verify(digest, input, { key, dsaEncoding: 'ieee-p1363' }, signature))
        throw new SecurityError('SECRET_PROVIDER_UNAVAILABLE', {
          detail: `a signature of key ${kid} does not verify under its published key`,
        });
      state.checked = true;
      return signature;
    },
  };
}
