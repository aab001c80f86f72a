import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { random } from '@aduana/core/platform/ids';

const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * AES-256-GCM (NIST SP 800-38D) under a key of its own for each message, derived from `key` and a random salt
 * (HKDF-SHA256, RFC 5869), so that the number of messages is not bounded by the nonce.
 *
 * @returns salt, nonce, ciphertext, tag
 */
export function encrypt(key: Uint8Array, plaintext: Uint8Array, associated: Uint8Array): Buffer {
  const salt = random(SALT_BYTES);
  const nonce = random(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', messageKey(key, salt), nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(associated);
  return Buffer.concat([salt, nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** @returns undefined where anything was changed, or key or associated data are others */
export function decrypt(key: Uint8Array, sealed: Uint8Array, associated: Uint8Array): Buffer | undefined {
  if (sealed.length < SALT_BYTES + NONCE_BYTES + TAG_BYTES) return undefined;
  const bytes = Buffer.from(sealed);
  const salt = bytes.subarray(0, SALT_BYTES);
  const nonce = bytes.subarray(SALT_BYTES, SALT_BYTES + NONCE_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', messageKey(key, salt), nonce, {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(associated);
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([
      decipher.update(bytes.subarray(SALT_BYTES + NONCE_BYTES, -TAG_BYTES)),
      decipher.final(),
    ]);
  } catch {
    return undefined;
  }
}

function messageKey(key: Uint8Array, salt: Uint8Array): Buffer {
  return Buffer.from(hkdfSync('sha256', key, salt, 'aduana aes-256-gcm', 32));
}
