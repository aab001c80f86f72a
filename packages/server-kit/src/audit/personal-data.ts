import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** Personal data as a leaf holds it: the leaf commits to the ciphertext, so a destroyed key erases without changing a hash. */
export interface SealedPersonalData {
  /** Names the key: an HMAC of the subject, hex. */
  readonly subject: string;
  readonly alg: 'A256GCM';
  /** base64(nonce || ciphertext || tag) by name. */
  readonly values: Readonly<Record<string, string>>;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Encrypts each value under the subject's key, bound to the event and to the value's name in it. */
export function sealPersonalData(
  key: Uint8Array,
  subject: string,
  eventId: string,
  values: Readonly<Record<string, string>>,
): SealedPersonalData {
  const sealed = Object.entries(values).map(([name, value]) => {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(context(eventId, name));
    const bytes = Buffer.concat([nonce, cipher.update(value, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return [name, bytes.toString('base64')] as const;
  });
  return { subject, alg: 'A256GCM', values: Object.fromEntries(sealed) };
}

/** @throws Error when the key is another one, or the text was changed or moved to another event */
export function openPersonalData(
  key: Uint8Array,
  eventId: string,
  sealed: SealedPersonalData,
): Readonly<Record<string, string>> {
  const opened = Object.entries(sealed.values).map(([name, text]) => {
    const bytes = Buffer.from(text, 'base64');
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    })
      .setAAD(context(eventId, name))
      .setAuthTag(bytes.subarray(-TAG_BYTES));
    const plain = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    return [name, plain.toString('utf8')] as const;
  });
  return Object.fromEntries(opened);
}

function context(eventId: string, name: string): Buffer {
  return Buffer.from(`${eventId}\n${name}`);
}
