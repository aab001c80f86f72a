import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServiceSettings } from '@aduana/server-kit/config/service-settings';
import { notAfterOf } from '@aduana/core/mtls/leaf-problem';
import { certificateThumbprint, spiffeIdOf } from '@aduana/core/mtls/peer-identity';
import { BUILT_IN_ROSTER, type RosterEntry } from './built-in-roster.ts';
import { readLeaf } from './read-leaf.ts';
import { renewalTime } from '@aduana/core/mtls/renewal-time';

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

export interface LeafStatus {
  readonly service: string;
  readonly thumbprint: string;
  readonly spiffeId: string | undefined;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
  readonly renewAt: number;
  /** The first CA of `ca.crt`, a later one, or none of them. */
  readonly issuer: 'current' | 'former' | 'unknown';
}

/** What the folder's certificates say; services without one are left out. */
export async function readCertificateStatus(
  settings: Pick<ServiceSettings, 'CERTS_DIR'>,
  roster: readonly RosterEntry[] = BUILT_IN_ROSTER,
): Promise<readonly LeafStatus[]> {
  const pem = await readFile(join(settings.CERTS_DIR, 'ca.crt'), 'utf8').catch(() => '');
  const authorities = (pem.match(PEM_CERTIFICATE) ?? []).map((text) => new X509Certificate(text));
  const found: LeafStatus[] = [];
  for (const { service } of roster) {
    const leaf = await readLeaf(settings.CERTS_DIR, service);
    if (leaf === undefined) continue;
    const place = authorities.findIndex((authority) => leaf.verify(authority.publicKey));
    found.push({
      service,
      thumbprint: certificateThumbprint(leaf.raw),
      spiffeId: spiffeIdOf(leaf),
      notAfter: notAfterOf(leaf),
      renewAt: renewalTime(leaf),
      issuer: place === 0 ? 'current' : place > 0 ? 'former' : 'unknown',
    });
  }
  return found;
}
