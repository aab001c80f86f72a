import type { X509Certificate } from 'node:crypto';
import type { RosterEntry } from './built-in-roster.ts';

/** PEM: the leaf and any intermediate CAs after it, the private key as PKCS #8, and the CA to trust for it. */
export interface IssuedCertificate {
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
}

/** Who signs the deployment's leaves. */
export interface CertificateIssuer {
  issue(entry: RosterEntry): Promise<IssuedCertificate>;
  /** Whether this leaf is the issuer's to replace. */
  owns(leaf: X509Certificate): boolean;
}
