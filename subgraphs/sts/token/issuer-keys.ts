import type { Platform } from '@aduana/core/platform/platform';
import { createJwksClient, type FetchedJwks } from '@aduana/core/tokens/jwks-client';
import type { KeySource } from '@aduana/core/tokens/key-source';
import type { TrustedIssuer } from '@aduana/server-kit/iam/policy';

/** The keys of a trusted issuer; each has its own, so that one never affects another. */
export type IssuerKeys = (issuer: TrustedIssuer) => KeySource;

/** @param fetchJwks one bounded attempt at an issuer's key endpoint, without redirects */
export function createIssuerKeys(
  platform: Pick<Platform, 'clock' | 'log'>,
  fetchJwks: (issuer: TrustedIssuer) => Promise<FetchedJwks>,
): IssuerKeys {
  const sources = new Map<string, KeySource>();
  return (issuer) => {
    const key = JSON.stringify([issuer.issuer, issuer.jwksUri, issuer.algorithms, issuer.ca]);
    const source =
      sources.get(key) ??
      createJwksClient({ ...platform, algorithms: issuer.algorithms, fetch: () => fetchJwks(issuer) });
    sources.set(key, source);
    return source;
  };
}
