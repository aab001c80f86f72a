import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { random } from '@aduana/core/platform/ids';
import * as x509 from '@peculiar/x509';
import { ALGORITHM, type KeyPair } from './key-pair.ts';

export interface CertificateProfile {
  readonly subject: string;
  readonly issuer: string;
  readonly publicKey: webcrypto.CryptoKey;
  readonly signer: KeyPair;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly extensions: readonly x509.Extension[];
}

/** Signs an X.509 certificate (RFC 5280) with a random serial of 127 bits and both key identifiers; PEM. */
export async function signCertificate(profile: CertificateProfile): Promise<string> {
  const serial = random(16);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40; // positive, and of the same length always
  const certificate = await x509.X509CertificateGenerator.create(
    {
      subject: profile.subject,
      issuer: profile.issuer,
      serialNumber: serial.toString('hex'),
      notBefore: new Date(profile.notBefore),
      notAfter: new Date(profile.notAfter),
      signingAlgorithm: ALGORITHM,
      publicKey: profile.publicKey,
      signingKey: profile.signer.privateKey,
      extensions: [
        ...profile.extensions,
        await x509.SubjectKeyIdentifierExtension.create(profile.publicKey, false, webcrypto),
        await x509.AuthorityKeyIdentifierExtension.create(profile.signer.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return `${certificate.toString('pem')}\n`;
}
