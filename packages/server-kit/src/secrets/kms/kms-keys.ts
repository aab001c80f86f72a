import {
  CreateKeyCommand,
  DisableKeyCommand,
  GetPublicKeyCommand,
  type KMSClient,
  ScheduleKeyDeletionCommand,
  SignCommand,
} from '@aws-sdk/client-kms';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { SecurityError } from '@aduana/core/errors/security-error';
import { sha256 } from '@aduana/core/platform/digest';
import type { RemoteKeyAlgorithm, RemoteKeys } from '../remote-keys.ts';
import { readEcdsaSignature } from './read-ecdsa-signature.ts';
import { toKmsFailure } from './kms-client.ts';

const SPECS = {
  ES256: { key: 'ECC_NIST_P256', signing: 'ECDSA_SHA_256' },
  RS256: { key: 'RSA_2048', signing: 'RSASSA_PKCS1_V1_5_SHA_256' },
} as const;
const DELETION_DAYS = 30;

/** Signing keys in AWS KMS: each is a key of its own, known by its id. */
export function createKmsKeys(client: KMSClient): RemoteKeys {
  return {
    kind: 'aws_kms',
    check(algorithm) {
      specOf(algorithm);
      return Promise.resolve();
    },
    async create(algorithm) {
      const command = new CreateKeyCommand({
        KeySpec: specOf(algorithm).key,
        KeyUsage: 'SIGN_VERIFY',
        Description: 'Signs the access tokens of Aduana',
      });
      const { KeyMetadata: made } = await client.send(command).catch(refuse);
      const reference = made?.KeyId ?? missing();
      const shown = await client.send(new GetPublicKeyCommand({ KeyId: reference })).catch(refuse);
      return { reference, publicKey: Buffer.from(shown.PublicKey ?? missing()) };
    },
    async sign(algorithm, reference, input) {
      const command = new SignCommand({
        KeyId: reference,
        Message: sha256(input),
        MessageType: 'DIGEST',
        SigningAlgorithm: specOf(algorithm).signing,
      });
      const signature = Buffer.from((await client.send(command).catch(refuse)).Signature ?? missing());
      return algorithm === 'ES256' ? readEcdsaSignature(signature) : signature;
    },
    async end(ended) {
      for (const reference of ended) await endKey(client, reference);
      return ended;
    },
    close() {
      client.destroy();
      return Promise.resolve();
    },
  };
}

/** Disabled at once, and deleted where that is allowed; what is gone already is ended. */
async function endKey(client: KMSClient, reference: string): Promise<void> {
  const ended = await client.send(new DisableKeyCommand({ KeyId: reference })).then(
    () => false,
    (error: unknown) => {
      const { name } = error as { name?: string };
      if (name === 'NotFoundException' || name === 'KMSInvalidStateException') return true;
      throw toKmsFailure(error);
    },
  );
  if (ended) return;
  const command = new ScheduleKeyDeletionCommand({ KeyId: reference, PendingWindowInDays: DELETION_DAYS });
  await client.send(command).catch((error: unknown) => {
    const failure = toKmsFailure(error);
    if (failure.code !== 'FORBIDDEN') throw failure;
  });
}

/** @throws ConfigurationError for what KMS has no keys for */
function specOf(algorithm: RemoteKeyAlgorithm): (typeof SPECS)[keyof typeof SPECS] {
  if (algorithm === 'EdDSA')
    throw new ConfigurationError([
      {
        subject: 'SIGNING_ALGORITHM',
        problem: 'is EdDSA, and the deployment signs with no Ed25519 keys of AWS KMS',
        remedy: 'Set SIGNING_ALGORITHM=ES256 or RS256, or SIGNING_KEYS=store or vault_transit',
      },
    ]);
  return SPECS[algorithm];
}

function refuse(error: unknown): never {
  throw toKmsFailure(error);
}

function missing(): never {
  throw new SecurityError('SECRET_PROVIDER_UNAVAILABLE', { detail: 'AWS KMS answered without the key' });
}
