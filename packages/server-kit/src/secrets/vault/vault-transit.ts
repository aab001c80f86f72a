import { SecurityError } from '@aduana/core/errors/security-error';
import { contextBytes, type Envelope } from '../envelope.ts';
import { unexpectedAnswer, type VaultClient } from './vault-client.ts';
import type { VaultAnswer } from './vault-transport.ts';

/** Envelope encryption by Transit, under an `aes256-gcm96` key, with the context as associated data. */
export function createTransitEnvelope(vault: VaultClient, mount: string, key: string): Envelope {
  function call(operation: 'encrypt' | 'decrypt', body: Record<string, string>): Promise<VaultAnswer> {
    return vault.call('POST', `${mount}/${operation}/${encodeURIComponent(key)}`, body);
  }

  /** Vault's own words for a key that does not exist; a policy that lets the token make one has it made. */
  function missingKey({ status, body }: VaultAnswer): SecurityError | undefined {
    const says = body.errors?.join(' ') ?? '';
    if ((status !== 400 && status !== 404) || !/key not found|no existing key/i.test(says)) return undefined;
    return new SecurityError('SECRET_PROVIDER_UNAVAILABLE', {
      detail: `Transit has no key ${JSON.stringify(key)} (VAULT_TRANSIT_KEY): make it with \`vault write -f ${mount}/keys/${key} type=aes256-gcm96\``,
    });
  }

  return {
    async seal(plaintext, context) {
      const answer = await call('encrypt', {
        plaintext: Buffer.from(plaintext).toString('base64'),
        associated_data: contextBytes(context).toString('base64'),
      });
      const ciphertext = answer.body.data?.['ciphertext'];
      if (typeof ciphertext !== 'string') throw missingKey(answer) ?? unexpectedAnswer('wrapping', answer);
      return ciphertext;
    },
    async open(sealed, context) {
      const answer = await call('decrypt', {
        ciphertext: sealed,
        associated_data: contextBytes(context).toString('base64'),
      });
      const missing = missingKey(answer);
      if (missing !== undefined) throw missing;
      if (answer.status === 400)
        throw new SecurityError('FORBIDDEN', {
          detail: 'the wrapped text was changed, or has another context',
        });
      const plaintext = answer.body.data?.['plaintext'];
      if (typeof plaintext !== 'string') throw unexpectedAnswer('unwrapping', answer);
      return Buffer.from(plaintext, 'base64');
    },
    async check() {
      const answer = await vault.call('GET', 'auth/token/lookup-self');
      if (answer.status !== 200) throw unexpectedAnswer('looking the token up', answer);
    },
  };
}
