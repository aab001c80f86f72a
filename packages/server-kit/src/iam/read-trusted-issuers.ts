import { readShape } from '../platform/read-shape.ts';
import type { YamlDocument } from '../platform/yaml-document.ts';
import type { TrustedIssuer } from './policy.ts';
import type { Problems, ReadAttachment } from './problems.ts';
import { TRUSTED_ISSUERS } from './trusted-issuers-shape.ts';

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
      problems.add(location, `the issuer \`${entry.issuer}\` stands here twice`, 'Keep one entry per issuer');
    issuers.set(entry.issuer, {
      issuer: entry.issuer,
      jwksUri: entry.jwks_uri,
      algorithms: entry.algorithms,
      audience: entry.audience,
      typ: entry.typ?.toLowerCase(),
      ca: entry.ca_file === undefined ? undefined : await attachment(entry.ca_file, location),
      subjectClaim: entry.subject_claim ?? 'sub',
      roleClaims: toClaimMap(entry.claims ?? {}),
      scopeClaims: toClaimMap(entry.scope_claims ?? {}),
      location,
    });
  }
  return issuers;
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
