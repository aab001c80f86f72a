import type { X509Certificate } from 'node:crypto';
import { spiffeIdOf } from './peer-identity.ts';

/** Extended key usages of RFC 5280 section 4.2.1.12. */
const USAGES = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' } as const;

/** What a leaf certificate has to fulfil at any time. */
export interface ProfileRules {
  readonly trustDomain: string;
  /** The side of a TLS connection that the certificate's holder takes. */
  readonly usage: 'server' | 'client';
}

/** What a leaf certificate has to fulfil now. */
export interface LeafRules extends ProfileRules {
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Why a leaf may not be used now, whoever signed it; undefined: it may. */
export function leafProblem(leaf: X509Certificate, rules: LeafRules): string | undefined {
  return validityProblem(leaf, rules.now) ?? profileProblem(leaf, rules);
}

/** Why a certificate may not be used at this time; undefined: it may. */
export function validityProblem(certificate: X509Certificate, now: number): string | undefined {
  if (now < notBeforeOf(certificate)) return 'is not yet valid';
  if (now >= notAfterOf(certificate)) return 'has expired';
  return undefined;
}

/** Why a leaf does not fit the deployment's profile (SPIFFE X.509-SVID section 5.2), whatever the time; undefined: it fits. */
export function profileProblem(leaf: X509Certificate, rules: ProfileRules): string | undefined {
  const { trustDomain, usage } = rules;
  const spiffeId = spiffeIdOf(leaf);
  if (leaf.ca) return 'is a CA certificate, which nobody may use as a leaf';
  if (spiffeId === undefined) return 'does not name exactly one SPIFFE ID';
  if (!spiffeId.startsWith(`spiffe://${trustDomain}/`)) return 'belongs to another trust domain';
  if (!extendedKeyUsagesOf(leaf).includes(USAGES[usage]))
    return `may not be used by a TLS ${usage} (extended key usage)`;
  return undefined;
}

/** Milliseconds since the epoch. */
export function notBeforeOf(certificate: X509Certificate): number {
  return Date.parse(certificate.validFrom);
}

/** Milliseconds since the epoch. */
export function notAfterOf(certificate: X509Certificate): number {
  return Date.parse(certificate.validTo);
}

/** None where the certificate does not have the extension, or one that cannot be read, which Node's types leave out. */
function extendedKeyUsagesOf({
  keyUsage = [],
}: Partial<Pick<X509Certificate, 'keyUsage'>>): readonly string[] {
  return keyUsage;
}
