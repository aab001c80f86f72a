import { KeyObject, webcrypto } from 'node:crypto';

export const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

export type KeyPair = webcrypto.CryptoKeyPair;

/** An EC key pair on P-256. */
export function generateKeyPair(): Promise<KeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

/** PKCS #8 in PEM. */
export function exportPrivateKey({ privateKey }: KeyPair): string {
  return KeyObject.from(privateKey).export({ type: 'pkcs8', format: 'pem' }).toString();
}
