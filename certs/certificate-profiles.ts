import 'reflect-metadata';
import { AsnConvert } from '@peculiar/asn1-schema';
import {
  GeneralName,
  GeneralSubtree,
  GeneralSubtrees,
  id_ce_nameConstraints,
  NameConstraints,
} from '@peculiar/asn1-x509';
import * as x509 from '@peculiar/x509';
import type { RosterEntry } from './built-in-roster.ts';
import type { KeyPair } from './key-pair.ts';
import { type CertificateProfile, signCertificate } from './sign-certificate.ts';

const DAY = 86_400_000;
const AUTHORITY_LIFETIME = 3650 * DAY;
const LEAF_LIFETIME = 7 * DAY;
/** Clocks differ a little between hosts. */
const BACKDATE = 60_000;
const LOOPBACK = ['127.0.0.1', '::1'] as const;

/** Whom a certificate is for, and when. */
type Subject = Pick<CertificateProfile, 'publicKey' | 'signer'> & {
  readonly trustDomain: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
};

/** A CA that vouches for this trust domain on loopback and for nothing else (RFC 5280 section 4.2.1.10); PEM. */
export function signAuthority(
  subject: string,
  keys: KeyPair,
  trustDomain: string,
  now: number,
): Promise<string> {
  return signCertificate({
    subject,
    issuer: subject,
    publicKey: keys.publicKey,
    signer: keys,
    notBefore: now - BACKDATE,
    notAfter: now + AUTHORITY_LIFETIME,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      nameConstraints(trustDomain),
    ],
  });
}

/** The certificate of a service, by its SPIFFE ID; PEM. */
export function signLeaf(
  { service, acceptsConnections }: RosterEntry,
  issuer: string,
  { publicKey, signer, trustDomain, now }: Subject,
): Promise<string> {
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  const usages = acceptsConnections ? [serverAuth, clientAuth] : [clientAuth];
  const names: x509.JsonGeneralNames = [{ type: 'url', value: `spiffe://${trustDomain}/${service}` }];
  if (acceptsConnections)
    names.push(
      { type: 'dns', value: 'localhost' },
      ...LOOPBACK.map((value) => ({ type: 'ip' as const, value })),
    );
  return signCertificate({
    subject: `CN=${service}`,
    issuer,
    publicKey,
    signer,
    notBefore: now - BACKDATE,
    notAfter: now + LEAF_LIFETIME,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(usages),
      new x509.SubjectAlternativeNameExtension(names),
    ],
  });
}

function nameConstraints(trustDomain: string): x509.Extension {
  const permitted = [
    new GeneralName({ uniformResourceIdentifier: trustDomain }),
    new GeneralName({ dNSName: 'localhost' }),
    new GeneralName({ iPAddress: '127.0.0.1/32' }),
    new GeneralName({ iPAddress: '::1/128' }),
  ];
  const constraints = new NameConstraints({
    permittedSubtrees: new GeneralSubtrees(permitted.map((base) => new GeneralSubtree({ base }))),
  });
  return new x509.Extension(id_ce_nameConstraints, true, AsnConvert.serialize(constraints));
}
