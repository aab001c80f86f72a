import { join } from 'node:path';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { withFileLock } from '@aduana/server-kit/platform/file-lock';
import { makeFolder } from '@aduana/server-kit/platform/make-folder';
import type { CertificateIssuer } from './certificate-issuer.ts';
import { BUILT_IN_ROSTER, type RosterEntry } from './built-in-roster.ts';
import { issueInto } from './issue-into.ts';
import {
  type AuthorityOptions,
  createOwnAuthority,
  hasAuthority,
  loadOwnAuthority,
} from './own-authority.ts';
import { readLeaf } from './read-leaf.ts';
import { isDue } from '@aduana/core/mtls/renewal-time';

const PATIENCE_MILLISECONDS = 15_000;

export interface EnsureOptions extends AuthorityOptions {
  readonly roster?: readonly RosterEntry[];
  /** Without one, the folder's own CA signs. */
  readonly issuer?: CertificateIssuer;
}

export interface EnsureReport {
  /** Services that got a certificate. */
  readonly issued: readonly string[];
  /** Services without one, because the folder's CA is somebody else's. */
  readonly missing: readonly string[];
}

/**
 * Makes what is missing of CA and leaves, and reissues own leaves that are due; a folder that somebody else's CA has
 * filled is left as it is.
 *
 * @throws ConfigurationError when a folder cannot be written, or another process keeps it locked
 */
export function ensureCertificates(options: EnsureOptions): Promise<EnsureReport> {
  return alone(options, async () => {
    const { settings, clock, roster = BUILT_IN_ROSTER } = options;
    const leaves = await Promise.all(
      roster.map(async (entry) => ({ entry, leaf: await readLeaf(settings.CERTS_DIR, entry.service) })),
    );
    const missing = leaves.filter(({ leaf }) => leaf === undefined).map(({ entry }) => entry.service);
    const issuer = options.issuer ?? (await findOwnAuthority(options, missing.length === roster.length));
    if (issuer === undefined) return { issued: [], missing };
    const due = leaves.filter(
      ({ leaf }) => leaf === undefined || (issuer.owns(leaf) && isDue(leaf, clock.now())),
    );
    for (const { entry } of due) await issueInto(settings.CERTS_DIR, issuer, entry);
    return { issued: due.map(({ entry }) => entry.service), missing: [] };
  });
}

/** Runs a task while no other process makes certificates in this home. */
export async function alone<Result>(options: AuthorityOptions, task: () => Promise<Result>): Promise<Result> {
  const { settings, clock } = options;
  const path = join(settings.ADUANA_HOME, 'certificates.lock');
  try {
    await makeFolder(settings.ADUANA_HOME);
    return await withFileLock(path, clock, PATIENCE_MILLISECONDS, (holder) => lockedBy(path, holder), task);
  } catch (error) {
    const { code, path: at } = error as NodeJS.ErrnoException;
    if (code === undefined || at === undefined) throw error;
    throw new ConfigurationError([
      {
        subject: at,
        problem: `cannot be read or written (${code})`,
        remedy: 'Let the user that runs Aduana own ADUANA_HOME and CERTS_DIR, or choose other folders',
      },
    ]);
  }
}

/** The folder's own CA, made where the folder is empty: one with another CA, or with its leaves, is an operator's. */
async function findOwnAuthority(
  options: EnsureOptions,
  noLeaves: boolean,
): Promise<CertificateIssuer | undefined> {
  const own = await loadOwnAuthority(options);
  if (own !== undefined) return own;
  const untouched = noLeaves && !(await hasAuthority(options.settings.CERTS_DIR));
  return untouched ? createOwnAuthority(options) : undefined;
}

function lockedBy(path: string, holder: string): ConfigurationError {
  return new ConfigurationError([
    {
      subject: path,
      problem: `another process makes certificates (${holder})`,
      remedy: 'Try again when it is done',
    },
  ]);
}
