import 'reflect-metadata';
import { createPrivateKey, createPublicKey, type KeyObject, webcrypto, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HouseSettings } from '@aduana/core/config/house-settings';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import type { Clock } from '@aduana/core/platform/clock';
import { random } from '@aduana/core/platform/ids';
import { makeFolder } from '@aduana/core/platform/make-folder';
import { writeFileAtomically } from '@aduana/core/platform/write-file-atomically';
import { AsnConvert } from '@peculiar/asn1-schema';
import {
  GeneralName,
  GeneralSubtree,
  GeneralSubtrees,
  id_ce_nameConstraints,
  NameConstraints,
} from '@peculiar/asn1-x509';
import * as x509 from '@peculiar/x509';
import type { CertificateIssuer } from './certificate-issuer.ts';
import { exportPrivateKey, generateKeyPair, type KeyPair, signCertificate } from './sign-certificate.ts';

const DAY = 86_400_000;
const AUTHORITY_LIFETIME = 3650 * DAY;
const LEAF_LIFETIME = 7 * DAY;
/** Clocks differ a little between hosts. */
const BACKDATE = 60_000;
const LOOPBACK = ['127.0.0.1', '::1'] as const;

export interface AuthorityOptions {
  readonly settings: Pick<HouseSettings, 'ADUANA_HOME' | 'CERTS_DIR' | 'TRUST_DOMAIN'>;
  readonly clock: Clock;
}

export interface OwnAuthority extends CertificateIssuer {
  readonly certificate: X509Certificate;
}

/** The folder's own CA: the first certificate of `ca.crt`, if its key lies in the home; undefined: it is somebody else's. */
export async function loadOwnAuthority(options: AuthorityOptions): Promise<OwnAuthority | undefined> {
  const { settings } = options;
  const certificatePath = join(settings.CERTS_DIR, 'ca.crt');
  const keyPath = join(settings.ADUANA_HOME, 'ca.key');
  const [certificates, key] = await Promise.all([readIfPresent(certificatePath), readIfPresent(keyPath)]);
  if (certificates === undefined || key === undefined) return undefined;
  const certificate = parse(certificatePath, 'certificate', () => new X509Certificate(certificates));
  const privateKey = parse(keyPath, 'private key', () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey)) return undefined;
  return toAuthority(certificate, await toKeyPair(privateKey), options);
}

/**
 * Makes a CA that vouches for this trust domain on loopback and for nothing else (RFC 5280 section 4.2.1.10). Its key
 * goes to the home, its certificate to the front of `ca.crt`, where former CAs stay trusted until they are dropped.
 */
export async function createOwnAuthority(options: AuthorityOptions): Promise<OwnAuthority> {
  const { settings, clock } = options;
  const keys = await generateKeyPair();
  const subject = `CN=Aduana ${settings.TRUST_DOMAIN} ${random(4).toString('hex')}`;
  const certificate = await signCertificate({
    subject,
    issuer: subject,
    publicKey: keys.publicKey,
    signer: keys,
    notBefore: clock.now() - BACKDATE,
    notAfter: clock.now() + AUTHORITY_LIFETIME,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      nameConstraints(settings.TRUST_DOMAIN),
    ],
  });
  const former = (await readIfPresent(join(settings.CERTS_DIR, 'ca.crt'))) ?? '';
  await makeFolder(settings.ADUANA_HOME);
  await makeFolder(settings.CERTS_DIR);
  await writeFileAtomically(join(settings.ADUANA_HOME, 'ca.key'), exportPrivateKey(keys), 0o600);
  await writeFileAtomically(join(settings.CERTS_DIR, 'ca.crt'), certificate + former, 0o600);
  return toAuthority(new X509Certificate(certificate), keys, options);
}

/** Whether the folder has a CA at all, whoever's it is. */
export async function hasAuthority(certsDir: string): Promise<boolean> {
  return (await readIfPresent(join(certsDir, 'ca.crt'))) !== undefined;
}

function toAuthority(
  certificate: X509Certificate,
  keys: KeyPair,
  { settings, clock }: AuthorityOptions,
): OwnAuthority {
  return {
    certificate,
    async issue({ service, acceptsConnections }) {
      const leaf = await generateKeyPair();
      const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
      const usages = acceptsConnections ? [serverAuth, clientAuth] : [clientAuth];
      const names: x509.JsonGeneralNames = [
        { type: 'url', value: `spiffe://${settings.TRUST_DOMAIN}/${service}` },
      ];
      if (acceptsConnections)
        names.push(
          { type: 'dns', value: 'localhost' },
          ...LOOPBACK.map((value) => ({ type: 'ip' as const, value })),
        );
      const pem = await signCertificate({
        subject: `CN=${service}`,
        issuer: certificate.subject,
        publicKey: leaf.publicKey,
        signer: keys,
        notBefore: clock.now() - BACKDATE,
        notAfter: clock.now() + LEAF_LIFETIME,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension(usages),
          new x509.SubjectAlternativeNameExtension(names),
        ],
      });
      return { certificate: pem, key: exportPrivateKey(leaf), authority: certificate.toString() };
    },
    owns: (leaf) => leaf.issuer === certificate.subject,
  };
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

async function toKeyPair(privateKey: KeyObject): Promise<KeyPair> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  const publicDer = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  const privateDer = privateKey.export({ type: 'pkcs8', format: 'der' });
  const { subtle } = webcrypto;
  return {
    privateKey: await subtle.importKey('pkcs8', privateDer, algorithm, true, ['sign']),
    publicKey: await subtle.importKey('spki', publicDer, algorithm, true, ['verify']),
  };
}

/** @throws ConfigurationError, since what stands there may be somebody's only copy */
function parse<Parsed>(path: string, what: string, read: () => Parsed): Parsed {
  try {
    return read();
  } catch {
    throw new ConfigurationError([
      {
        subject: path,
        problem: `holds no ${what} that can be read`,
        remedy: 'Restore it; without ca.crt and ca.key a new development CA is made',
      },
    ]);
  }
}

async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
