import type { JWK } from 'jose';

const USUAL_EXPONENT = 'AQAB';
/** Of 4096 bits in base64url. */
const LONGEST_MODULUS = 683;

/**
 * Whether verifying with a key that others chose costs no more than usual: an RSA key has the exponent 65537 and at most 4096
 * bits. A long exponent makes each verification 20 times as costly.
 */
export function isWithinRsaBounds({ kty, n, e }: JWK): boolean {
  if (kty !== 'RSA') return true;
  return e === USUAL_EXPONENT && typeof n === 'string' && n.length <= LONGEST_MODULUS;
}
