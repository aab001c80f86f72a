import type { RosterEntry } from './house-roster.ts';

/** PEM: the leaf and any intermediate CAs after it, and the private key as PKCS #8. */
export interface IssuedCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** Who signs the house's leaves. */
export interface CertificateIssuer {
  issue(entry: RosterEntry): Promise<IssuedCertificate>;
}
