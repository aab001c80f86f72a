import { join } from 'node:path';
import { writeFileAtomically } from '@aduana/core/platform/write-file-atomically';
import type { CertificateIssuer } from './certificate-issuer.ts';
import type { RosterEntry } from './house-roster.ts';

/** Writes a new certificate and its key; who reads between the two finds no pair and keeps the last one. */
export async function issueInto(
  certsDir: string,
  issuer: CertificateIssuer,
  entry: RosterEntry,
): Promise<void> {
  const { certificate, key } = await issuer.issue(entry);
  await writeFileAtomically(join(certsDir, `${entry.service}.key`), key, 0o600);
  await writeFileAtomically(join(certsDir, `${entry.service}.crt`), certificate, 0o600);
}
