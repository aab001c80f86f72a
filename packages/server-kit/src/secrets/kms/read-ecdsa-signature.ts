import { SecurityError } from '@aduana/core/errors/security-error';

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const COORDINATE_BYTES = 32;

/** R || S (RFC 7518 section 3.4) of an ECDSA signature on P-256 in DER (RFC 3279 section 2.2.3). */
export function readEcdsaSignature(der: Buffer): Buffer {
  const r = readInteger(der, 2);
  const s = readInteger(der, r.end);
  if (der[0] !== SEQUENCE || der[1] !== der.length - 2 || s.end !== der.length) throw malformed();
  return Buffer.concat([r.value, s.value]);
}

/** A positive INTEGER in 32 bytes, whatever leading zeros DER has added or left out. */
function readInteger(der: Buffer, at: number): { readonly value: Buffer; readonly end: number } {
  const end = at + 2 + (der[at + 1] ?? 0);
  const value = der.subarray(at + 2, end);
  const bare = value[0] === 0 ? value.subarray(1) : value;
  if (der[at] !== INTEGER || value.length === 0 || end > der.length || bare.length > COORDINATE_BYTES)
    throw malformed();
  return { value: Buffer.concat([Buffer.alloc(COORDINATE_BYTES - bare.length), bare]), end };
}

function malformed(): SecurityError {
  return new SecurityError('SECRET_PROVIDER_UNAVAILABLE', { detail: 'AWS KMS answered no ECDSA signature' });
}
