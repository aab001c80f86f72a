import {
  DecryptCommand,
  DescribeKeyCommand,
  GenerateDataKeyCommand,
  type KMSClient,
  ReEncryptCommand,
} from '@aws-sdk/client-kms';
import { SecurityError } from '../../errors/security-error.ts';
import { createBoundedCache } from '../../platform/bounded-cache.ts';
import type { Clock } from '../../platform/clock.ts';
import { sha256Base64url } from '../../platform/digest.ts';
import { decrypt, encrypt } from '../aes-gcm.ts';
import { contextBytes, type Envelope } from '../envelope.ts';
import type { WrapContext } from '../secret-provider.ts';
import { toKmsFailure } from './kms-client.ts';

const FORMAT = 'kms1';
const CACHED_KEYS = 200;
const KEY_LIFETIME_MILLISECONDS = 300_000;

export interface KmsEnvelopeOptions {
  readonly client: KMSClient;
  /** What seals: an id, an ARN or an alias. */
  readonly keyId: string;
  /** Keys that sealed before: what they sealed opens, over ReEncrypt to `keyId`. */
  readonly formerKeyIds: readonly string[];
  readonly clock: Clock;
}

interface DataKey {
  readonly plaintext: Uint8Array;
  readonly wrapped: Uint8Array;
}

/**
 * Envelope encryption: a data key of KMS for each context, kept for minutes, encrypts here; the context is both KMS's
 * encryption context and the associated data.
 */
export function createKmsEnvelope(options: KmsEnvelopeOptions): Envelope {
  const { client, keyId, formerKeyIds, clock } = options;
  const sealing = createBoundedCache<DataKey>(clock, CACHED_KEYS);
  const opening = createBoundedCache<Uint8Array>(clock, CACHED_KEYS);

  async function sealingKey(context: WrapContext): Promise<DataKey> {
    const name = contextBytes(context).toString();
    const known = sealing.get(name);
    if (known !== undefined) return known;
    const command = new GenerateDataKeyCommand({
      KeyId: keyId,
      KeySpec: 'AES_256',
      EncryptionContext: { ...context },
    });
    const made = await client.send(command).catch(refuse);
    const key = { plaintext: made.Plaintext ?? missing(), wrapped: made.CiphertextBlob ?? missing() };
    sealing.set(name, key, clock.now() + KEY_LIFETIME_MILLISECONDS);
    return key;
  }

  async function openingKey(wrapped: Uint8Array, sealer: string, context: WrapContext): Promise<Uint8Array> {
    const name = sha256Base64url(Buffer.concat([wrapped, contextBytes(context)]));
    const known = opening.get(name);
    if (known !== undefined) return known;
    const encryptionContext = { ...context };
    const command = new DecryptCommand({
      KeyId: keyId,
      CiphertextBlob: sealer === keyId ? wrapped : await reEncrypt(wrapped, sealer, encryptionContext),
      EncryptionContext: encryptionContext,
    });
    const plaintext = (await client.send(command).catch(refuse)).Plaintext ?? missing();
    opening.set(name, plaintext, clock.now() + KEY_LIFETIME_MILLISECONDS);
    return plaintext;
  }

  async function reEncrypt(
    wrapped: Uint8Array,
    sealer: string,
    context: Record<string, string>,
  ): Promise<Uint8Array> {
    if (!formerKeyIds.includes(sealer))
      throw new SecurityError('FORBIDDEN', {
        detail: 'the text was wrapped under a key that is not configured',
      });
    const command = new ReEncryptCommand({
      CiphertextBlob: wrapped,
      SourceKeyId: sealer,
      SourceEncryptionContext: context,
      DestinationKeyId: keyId,
      DestinationEncryptionContext: context,
    });
    return (await client.send(command).catch(refuse)).CiphertextBlob ?? missing();
  }

  return {
    async seal(plaintext, context) {
      const key = await sealingKey(context);
      const parts = [
        Buffer.from(keyId),
        key.wrapped,
        encrypt(key.plaintext, plaintext, contextBytes(context)),
      ];
      return [FORMAT, ...parts.map((part) => Buffer.from(part).toString('base64url'))].join('.');
    },
    async open(text, context) {
      const [format, ...parts] = text.split('.');
      const [sealer, wrapped, sealed] = parts.map((part) => Buffer.from(part, 'base64url'));
      if (format !== FORMAT || sealer === undefined || wrapped === undefined || sealed === undefined)
        throw new SecurityError('FORBIDDEN', { detail: 'the text was not wrapped by this provider' });
      const key = await openingKey(wrapped, sealer.toString(), context);
      const plaintext = decrypt(key, sealed, contextBytes(context));
      if (plaintext === undefined)
        throw new SecurityError('FORBIDDEN', {
          detail: 'the wrapped text was changed, or has another context',
        });
      return plaintext;
    },
    async check() {
      const { KeyMetadata: key } = await client.send(new DescribeKeyCommand({ KeyId: keyId })).catch(refuse);
      if (key?.KeyState !== 'Enabled')
        throw new SecurityError('SECRET_PROVIDER_UNAVAILABLE', {
          detail: 'the key of AWS_KMS_KEY_ID is not enabled',
        });
    },
  };
}

function refuse(error: unknown): never {
  throw toKmsFailure(error);
}

function missing(): never {
  throw new SecurityError('SECRET_PROVIDER_UNAVAILABLE', { detail: 'AWS KMS answered without the key' });
}
