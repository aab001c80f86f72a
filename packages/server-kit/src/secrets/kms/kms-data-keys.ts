import {
  DecryptCommand,
  GenerateDataKeyCommand,
  type KMSClient,
  ReEncryptCommand,
} from '@aws-sdk/client-kms';
import { SecurityError } from '@aduana/core/errors/security-error';
import { createBoundedCache } from '@aduana/core/platform/bounded-cache';
import type { Clock } from '@aduana/core/platform/clock';
import { sha256Base64url } from '@aduana/core/platform/digest';
import { contextBytes } from '../envelope.ts';
import type { WrapContext } from '../secret-provider.ts';
import { toKmsFailure } from './kms-client.ts';

const CACHED_KEYS = 200;
const KEY_LIFETIME_MILLISECONDS = 300_000;

export interface KmsDataKeysOptions {
  readonly client: KMSClient;
  /** What seals: an id, an ARN or an alias. */
  readonly keyId: string;
  /** Keys that sealed before: what they sealed opens, over ReEncrypt to `keyId`. */
  readonly formerKeyIds: readonly string[];
  readonly clock: Clock;
}

export interface DataKey {
  readonly plaintext: Uint8Array;
  readonly wrapped: Uint8Array;
}

/** Data keys under a key of KMS, one for each context, kept for minutes. */
export interface KmsDataKeys {
  forSealing(context: WrapContext): Promise<DataKey>;
  /** @param sealer the id of the key that wrapped it */
  forOpening(wrapped: Uint8Array, sealer: string, context: WrapContext): Promise<Uint8Array>;
}

export function createKmsDataKeys(options: KmsDataKeysOptions): KmsDataKeys {
  const { client, keyId, clock } = options;
  const sealing = createBoundedCache<DataKey>(clock, CACHED_KEYS);
  const opening = createBoundedCache<Uint8Array>(clock, CACHED_KEYS);
  return {
    async forSealing(context) {
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
    },
    async forOpening(wrapped, sealer, context) {
      const name = sha256Base64url(Buffer.concat([wrapped, contextBytes(context)]));
      const known = opening.get(name);
      if (known !== undefined) return known;
      const command = new DecryptCommand({
        KeyId: keyId,
        CiphertextBlob: sealer === keyId ? wrapped : await reEncrypt(wrapped, sealer, context, options),
        EncryptionContext: { ...context },
      });
      const plaintext = (await client.send(command).catch(refuse)).Plaintext ?? missing();
      opening.set(name, plaintext, clock.now() + KEY_LIFETIME_MILLISECONDS);
      return plaintext;
    },
  };
}

async function reEncrypt(
  wrapped: Uint8Array,
  sealer: string,
  context: WrapContext,
  { client, keyId, formerKeyIds }: KmsDataKeysOptions,
): Promise<Uint8Array> {
  if (!formerKeyIds.includes(sealer))
    throw new SecurityError('FORBIDDEN', {
      detail: 'the text was wrapped under a key that is not configured',
    });
  const command = new ReEncryptCommand({
    CiphertextBlob: wrapped,
    SourceKeyId: sealer,
    SourceEncryptionContext: { ...context },
    DestinationKeyId: keyId,
    DestinationEncryptionContext: { ...context },
  });
  return (await client.send(command).catch(refuse)).CiphertextBlob ?? missing();
}

function refuse(error: unknown): never {
  throw toKmsFailure(error);
}

function missing(): never {
  throw new SecurityError('SECRET_PROVIDER_UNAVAILABLE', { detail: 'AWS KMS answered without the key' });
}
