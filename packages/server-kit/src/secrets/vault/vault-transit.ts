import { SecurityError } from '../../errors/security-error.ts';
import { contextBytes, type Envelope } from '../envelope.ts';
import { unexpectedAnswer, type VaultClient } from './vault-client.ts';
import type { VaultAnswer } from './vault-transport.ts';

/** Envelope encryption by Transit, under an `aes256-gcm96` key, with the context as associated data. */
export function createTransitEnvelope(vault: VaultClient, mount: string, key: string): Envelope {
  function call(operation: 'encrypt' | 'decrypt', body: Record<string, string>): Promise<VaultAnswer> {
    return vault.call('POST', `${mount}/${operation}/${encodeURIComponent(key)}`, body);
  }

  return {
    async seal(plaintext, context) {
      const answer = await call('encrypt', {
        plaintext: Buffer.from(plaintext).toString('base64'),
        associated_data: contextBytes(context).toString('base64'),
      });
      const ciphertext = answer.body.data?.['ciphertext'];
      if (typeof ciphertext !== 'string') throw unexpectedAnswer('wrapping', answer);
      return ciphertext;
    },
    async open(sealed, context) {
      const answer = await call('decrypt', {
        ciphertext: sealed,
        associated_data: contextBytes(context).toString('base64'),
      });
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
