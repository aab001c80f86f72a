import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { alone, type EnsureOptions } from './ensure-certificates.ts';
import { BUILT_IN_ROSTER } from './built-in-roster.ts';
import { issueInto } from './issue-into.ts';
import { createOwnAuthority, loadOwnAuthority, type OwnAuthority } from './own-authority.ts';
import { readLeaf } from './read-leaf.ts';
import { isDue } from '@aduana/core/mtls/renewal-time';

export interface RenewOptions extends EnsureOptions {
  /** Reissues whatever the age. */
  readonly force: boolean;
}

/**
 * Reissues the leaves that are due, or all of them, under the folder's own CA; nothing is revoked by that.
 *
 * @returns the services that got a new certificate
 * @throws ConfigurationError when the CA is somebody else's
 */
export function renewCertificates(options: RenewOptions): Promise<readonly string[]> {
  return alone(options, async () => {
    const { settings, clock, roster = BUILT_IN_ROSTER, force } = options;
    const issuer = options.issuer ?? (await requireOwnAuthority(options));
    const issued: string[] = [];
    for (const entry of roster) {
      const leaf = force ? undefined : await readLeaf(settings.CERTS_DIR, entry.service);
      if (leaf !== undefined && !isDue(leaf, clock.now())) continue;
      await issueInto(settings.CERTS_DIR, issuer, entry);
      issued.push(entry.service);
    }
    return issued;
  });
}

/**
 * Begins a change of CA: from now on both are trusted and new leaves come from the new one. Leaves must be renewed
 * after every service has read the new `ca.crt`, and the former CA dropped after that.
 *
 * @throws ConfigurationError when the CA is somebody else's
 */
export function introduceAuthority(options: EnsureOptions): Promise<void> {
  return alone(options, async () => {
    await requireOwnAuthority(options);
    await createOwnAuthority(options);
  });
}

async function requireOwnAuthority(options: EnsureOptions): Promise<OwnAuthority> {
  const authority = await loadOwnAuthority(options);
  if (authority !== undefined) return authority;
  throw new ConfigurationError([
    {
      subject: options.settings.CERTS_DIR,
      problem: 'has no CA of the deployment (its key is not in ADUANA_HOME)',
      remedy:
        'Run `npx aduana certs` on an empty folder, or have the CA that filled it issue new certificates',
    },
  ]);
}
