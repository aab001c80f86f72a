import { DescribeKeyCommand } from '@aws-sdk/client-kms';
import { SecurityError } from '@aduana/core/errors/security-error';
import { decrypt, encrypt } from '../aes-gcm.ts';
import { contextBytes, type Envelope } from '../envelope.ts';
import { toKmsFailure } from './kms-client.ts';
import { createKmsDataKeys, type KmsDataKeysOptions } from './kms-data-keys.ts';

const FORMAT = 'kms1';

/** Envelope encryption here under data keys of KMS; the context is KMS's encryption context and the associated data. */
export function createKmsEnvelope(options: KmsDataKeysOptions): Envelope {
  const { client, keyId } = options;
  const keys = createKmsDataKeys(options);
  return {
    async seal(plaintext, context) {
      const key = await keys.forSealing(context);
      const sealed = encrypt(key.plaintext, plaintext, contextBytes(context));
      const parts = [Buffer.from(keyId), key.wrapped, sealed];
      return [FORMAT, ...parts.map((part) => Buffer.from(part).toString('base64url'))].join('.');
    },
    async open(text, context) {
      const [format, ...parts] = text.split('.');
      const [sealer, wrapped, sealed] = parts.map((part) => Buffer.from(part, 'base64url'));
      if (format !== FORMAT || sealer === undefined || wrapped === undefined || sealed === undefined)
        throw new SecurityError('FORBIDDEN', { detail: 'the text was not wrapped by this provider' });
      const key = await keys.forOpening(wrapped, sealer.toString(), context);
      const plaintext = decrypt(key, sealed, contextBytes(context));
      if (plaintext === undefined)
        throw new SecurityError('FORBIDDEN', {
          detail: 'the wrapped text was changed, or has another context',
        });
      return plaintext;
    },
    async check() {
      const answer = await client.send(new DescribeKeyCommand({ KeyId: keyId })).catch((error: unknown) => {
        throw toKmsFailure(error);
      });
      if (answer.KeyMetadata?.KeyState !== 'Enabled')
        throw new SecurityError('SECRET_PROVIDER_UNAVAILABLE', {
          detail: 'the key of AWS_KMS_KEY_ID is not enabled',
        });
    },
  };
}
