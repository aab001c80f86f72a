import { readShape } from '../platform/read-shape.ts';
import type { YamlDocument } from '../platform/yaml-document.ts';
import type { SharedSignals, TrustedIssuer } from './policy.ts';
import type { Problems, ReadAttachment } from './problems.ts';
import { type SharedSignalsEntry, TRUSTED_ISSUERS } from './trusted-issuers-shape.ts';

const DEFAULT_MAX_AGE_SECONDS = 86_400;

/**
 * @param attachment reads a file that the document names
 * @throws ConfigurationError when the document is not of the shape of `trusted_issuers.yaml`
 */
export async function readTrustedIssuers(
  document: YamlDocument,
  attachment: ReadAttachment,
  problems: Problems,
): Promise<ReadonlyMap<string, TrustedIssuer>> {
  const issuers = new Map<string, TrustedIssuer>();
  for (const [index, entry] of readShape(
    TRUSTED_ISSUERS,
    document,
    'identity-provider.md',
  ).issuers.entries()) {
    const location = document.locate(['issuers', index]);
    if (issuers.has(entry.issuer))
      problems.add(location, `the issuer \`${entry.issuer}\` is here twice`, 'Keep one entry per issuer');
    if (entry.ssf !== undefined && (entry.subject_claim ?? 'sub') !== 'sub')
      problems.add(
        location,
        `the issuer \`${entry.issuer}\` sends events about \`sub\`, and its users are known by \`${entry.subject_claim ?? ''}\``,
        'Remove `subject_claim` or `ssf`: the subject of an event would be no user here',
      );
    issuers.set(entry.issuer, {
      issuer: entry.issuer,
      jwksUri: entry.jwks_uri,
      algorithms: entry.algorithms,
      audience: entry.audience,
      typ: entry.typ?.toLowerCase(),
      ca: entry.ca_file === undefined ? undefined : await attachment(entry.ca_file, location),
      maxAgeSeconds: entry.max_age_seconds ?? DEFAULT_MAX_AGE_SECONDS,
      subjectClaim: entry.subject_claim ?? 'sub',
      roleClaims: toClaimMap(entry.claims ?? {}),
      scopeClaims: toClaimMap(entry.scope_claims ?? {}),
      ssf: toSharedSignals(entry.ssf),
      location,
    });
  }
  return issuers;
}

function toSharedSignals(entry: SharedSignalsEntry | undefined): SharedSignals | undefined {
  if (entry === undefined) return undefined;
  const { audience, events, poll } = entry;
  return { audience, events, poll: poll && { url: poll.url, tokenFile: poll.token_file } };
}

function toClaimMap(
  claims: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>,
): TrustedIssuer['roleClaims'] {
  return new Map(
    Object.entries(claims).map(([claim, values]) => [
      claim,
      new Map(Object.entries(values).map(([value, names]) => [value, [names].flat()])),
    ]),
  );
}
