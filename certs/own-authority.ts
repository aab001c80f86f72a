import { createPrivateKey, createPublicKey, type KeyObject, webcrypto, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServiceSettings } from '@aduana/server-kit/config/service-settings';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import type { Clock } from '@aduana/core/platform/clock';
import { random } from '@aduana/core/platform/ids';
import { makeFolder } from '@aduana/server-kit/platform/make-folder';
import { writeFileAtomically } from '@aduana/core/platform/write-file-atomically';
import type { CertificateIssuer } from './certificate-issuer.ts';
import { exportPrivateKey, generateKeyPair, type KeyPair } from './key-pair.ts';

export interface AuthorityOptions {
  readonly settings: Pick<ServiceSettings, 'ADUANA_HOME' | 'CERTS_DIR' | 'TRUST_DOMAIN'>;
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
  const { signAuthority } = await import('./certificate-profiles.ts');
  const certificate = await signAuthority(subject, keys, settings.TRUST_DOMAIN, clock.now());
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
    async issue(entry) {
      // What writes certificates is loaded by whoever needs a new one: most starts do not.
      const { signLeaf } = await import('./certificate-profiles.ts');
      const leaf = await generateKeyPair();
      const pem = await signLeaf(entry, certificate.subject, {
        publicKey: leaf.publicKey,
        signer: keys,
        trustDomain: settings.TRUST_DOMAIN,
        now: clock.now(),
      });
      return { certificate: pem, key: exportPrivateKey(leaf), authority: certificate.toString() };
    },
    owns: (leaf) => leaf.issuer === certificate.subject,
  };
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

/** @throws ConfigurationError, since what is there may be somebody's only copy */
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
