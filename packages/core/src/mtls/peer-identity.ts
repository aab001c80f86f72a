import type { X509Certificate } from 'node:crypto';
import { sha256Base64url } from '../platform/digest.ts';

/** Who is at the other end of a TLS connection whose certificate has been verified. */
export interface PeerIdentity {
  /** The URI SAN (SPIFFE X.509-SVID section 2). */
  readonly spiffeId: string;
  /** base64url(SHA-256(DER)) (RFC 8705 section 3.1). */
  readonly thumbprint: string;
  /** DER, leaf first. */
  readonly chain: readonly Buffer[];
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
}

/** base64url(SHA-256(DER)) of a certificate (RFC 8705 section 3.1). */
export function certificateThumbprint(der: Uint8Array): string {
  return sha256Base64url(der);
}

/** The one SPIFFE ID of a certificate; undefined where there is none or more than one (X.509-SVID section 2). */
export function spiffeIdOf(certificate: X509Certificate): string | undefined {
  const names = (certificate.subjectAltName ?? '').split(', ').filter((name) => name.startsWith('URI:'));
  const [name] = names;
  return names.length === 1 && name?.startsWith('URI:spiffe://') === true ? name.slice(4) : undefined;
}
