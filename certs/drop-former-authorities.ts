import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { writeFileAtomically } from '@aduana/core/platform/write-file-atomically';
import { alone, type EnsureOptions } from './ensure-certificates.ts';
import { BUILT_IN_ROSTER } from './built-in-roster.ts';
import { readLeaf } from './read-leaf.ts';

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g;

/**
 * Ends a change of CA: only the first certificate of `ca.crt` stays trusted.
 *
 * @returns how many CAs were dropped
 * @throws ConfigurationError while a leaf of the folder comes from a former CA
 */
export function dropFormerAuthorities(options: EnsureOptions): Promise<number> {
  return alone(options, async () => {
    const { settings, roster = BUILT_IN_ROSTER } = options;
    const path = join(settings.CERTS_DIR, 'ca.crt');
    const [current = '', ...former] = (await readFile(path, 'utf8')).match(PEM_CERTIFICATE) ?? [];
    const authority = new X509Certificate(current);
    const problems = [];
    for (const { service } of roster) {
      const leaf = await readLeaf(settings.CERTS_DIR, service);
      if (leaf === undefined || leaf.verify(authority.publicKey)) continue;
      problems.push({
        subject: join(settings.CERTS_DIR, `${service}.crt`),
        problem: 'still comes from a former CA',
        remedy: 'Run `npx aduana certs renew --force` first',
      });
    }
    if (problems.length > 0) throw new ConfigurationError(problems);
    if (former.length > 0) await writeFileAtomically(path, current, 0o600);
    return former.length;
  });
}
