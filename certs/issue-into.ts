import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder } from '@aduana/server-kit/platform/make-folder';
import { writeFileAtomically } from '@aduana/core/platform/write-file-atomically';
import type { CertificateIssuer } from './certificate-issuer.ts';
import type { RosterEntry } from './built-in-roster.ts';

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Writes a new certificate and its key; who reads between the two finds no pair and keeps the last one. */
export async function issueInto(
  certsDir: string,
  issuer: CertificateIssuer,
  entry: RosterEntry,
): Promise<void> {
  const { certificate, key, authority } = await issuer.issue(entry);
  await trust(join(certsDir, 'ca.crt'), authority);
  await writeFileAtomically(join(certsDir, `${entry.service}.key`), key, 0o600);
  await writeFileAtomically(join(certsDir, `${entry.service}.crt`), certificate, 0o600);
}

/** Adds a CA that is not trusted yet; those that are stay. */
async function trust(path: string, authority: string): Promise<void> {
  const known = await readFile(path, 'utf8').catch(() => '');
  const { fingerprint256 } = new X509Certificate(authority);
  const trusted = (known.match(PEM_CERTIFICATE) ?? []).some(
    (pem) => new X509Certificate(pem).fingerprint256 === fingerprint256,
  );
  if (trusted) return;
  await makeFolder(dirname(path));
  await writeFileAtomically(path, `${known}${authority.trim()}\n`, 0o600);
}
