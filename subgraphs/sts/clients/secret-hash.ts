import { scrypt } from 'node:crypto';
import { SecurityError } from '@aduana/core/errors/security-error';
import { constantTimeEqual } from '@aduana/core/platform/digest';
import { random } from '@aduana/core/platform/ids';

/** A salted scrypt hash of a client secret (RFC 7914), both in base64url. */
export interface SecretHash {
  readonly salt: string;
  readonly hash: string;
}

const COST = { N: 16_384, r: 8, p: 1, maxmem: 64 * 1024 * 1024 } as const;
const HASH_BYTES = 32;

/** What an unknown client is compared with, so that it takes the time of a known one. */
export const UNKNOWN_CLIENT_HASH: SecretHash = {
  salt: random(16).toString('base64url'),
  hash: random(HASH_BYTES).toString('base64url'),
};

export async function hashSecret(secret: string): Promise<SecretHash> {
  const salt = random(16).toString('base64url');
  return { salt, hash: (await derive(secret, salt)).toString('base64url') };
}

export async function matchesSecret(secret: string, { salt, hash }: SecretHash): Promise<boolean> {
  return constantTimeEqual(await derive(secret, salt), Buffer.from(hash, 'base64url'));
}

function derive(secret: string, salt: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(secret, Buffer.from(salt, 'base64url'), HASH_BYTES, COST, (error, key) => {
      if (error === null) resolve(key);
      else reject(new SecurityError('INTERNAL_SERVER_ERROR', { cause: error }));
    });
  });
}
