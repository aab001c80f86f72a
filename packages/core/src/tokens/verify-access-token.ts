import { createBoundedCache } from '../platform/bounded-cache.ts';
import { type Clock, epochSeconds } from '../platform/clock.ts';
import type { AccessTokenClaims, VerifiedToken } from './access-token.ts';
import type { KeySource } from './key-source.ts';
import { actorsOf, parseAccessTokenClaims } from './parse-access-token-claims.ts';
import { SIGNING_ALGORITHMS } from './signing-algorithm.ts';
import { invalidToken, verifySignedJwt } from './verify-signed-jwt.ts';

/** What a verifier asks of the status feed each time it sees a token. */
export interface TokenStatus {
  isTokenRevoked(jti: string, rootJti: string): boolean;
  isSubjectRevoked(issuer: string, subject: string, issuedAt: number): boolean;
  isKeyRevoked(kid: string): boolean;
  isServiceSuspended(service: string): boolean;
  isCertificateRevoked(thumbprint: string): boolean;
  /** @throws SecurityError `STATUS_UNAVAILABLE` where the copy of the feed is too old to rely on */
  assertFresh(): void;
}

/** Whose tokens are verified, for whom, and with which keys. */
export interface AccessTokenVerifierOptions {
  readonly issuer: string;
  /** The service that is asked: the one audience that it accepts; undefined accepts any (introspection alone). */
  readonly audience: string | undefined;
  readonly keys: KeySource;
  readonly status: TokenStatus;
  readonly clock: Clock;
  /** What of the claims counts at this moment, whatever the token says; asked each time. It may throw `invalid_token`. */
  readonly limitClaims?: ((claims: AccessTokenClaims) => AccessTokenClaims) | undefined;
  /** How many seen tokens are remembered. */
  readonly cacheCapacity?: number;
}

/**
 * Verifies an access token of the STS: form, signature, type, issuer, audience, times, claims, revocation, suspension.
 * The binding is checked beside it, see `requireBinding`.
 *
 * @throws SecurityError `invalid_token`; `STATUS_UNAVAILABLE` or `STS_UNAVAILABLE` where it cannot be known
 */
export type VerifyAccessToken = (token: string) => Promise<VerifiedToken>;

const CLOCK_TOLERANCE_SECONDS = 5;
const CACHE_CAPACITY = 10_000;

/** The one verifier of access tokens (RFC 9068 section 4, RFC 8725); a token seen before is not verified again. */
export function createAccessTokenVerifier(options: AccessTokenVerifierOptions): VerifyAccessToken {
  const { clock, status, limitClaims } = options;
  const seen = createBoundedCache<VerifiedToken>(clock, options.cacheCapacity ?? CACHE_CAPACITY);
  return async (token) => {
    status.assertFresh();
    const known = seen.get(token);
    const verified = known ?? (await verifyUnseen(token, options));
    const refused = refusedByStatus(verified, status);
    if (refused !== undefined) {
      seen.delete(token);
      throw invalidToken(refused);
    }
    if (known === undefined) seen.set(token, verified, verified.claims.exp * 1000);
    return limitClaims === undefined ? verified : limited(verified, limitClaims(verified.claims));
  };
}

function limited(verified: VerifiedToken, claims: AccessTokenClaims): VerifiedToken {
  return claims === verified.claims ? verified : { ...verified, claims, scopes: scopesOf(claims) };
}

function scopesOf({ scope }: AccessTokenClaims): ReadonlySet<string> {
  return new Set(scope.split(' ').filter((name) => name !== ''));
}

async function verifyUnseen(token: string, options: AccessTokenVerifierOptions): Promise<VerifiedToken> {
  const { issuer, audience, keys, clock } = options;
  const { kid, payload } = await verifySignedJwt(token, {
    types: ['at+jwt'],
    algorithms: SIGNING_ALGORITHMS,
    keys,
    now: clock.now(),
    toleranceSeconds: CLOCK_TOLERANCE_SECONDS,
  });
  const claims = parseAccessTokenClaims(payload);
  if (claims === undefined) throw invalidToken('claims are missing or malformed');
  if (claims.iss !== issuer) throw invalidToken('issuer');
  if (audience !== undefined && claims.aud !== audience) throw invalidToken('audience');
  if (claims.exp <= epochSeconds(clock)) throw invalidToken('expired');
  return { claims, kid, scopes: scopesOf(claims) };
}

/** In a few words, what the status feed says against a token; undefined where nothing does. */
export function refusedByStatus({ claims, kid }: VerifiedToken, status: TokenStatus): string | undefined {
  if (status.isKeyRevoked(kid)) return 'the signing key is revoked';
  const { jti, root_jti: rootJti, origin_jti: originJti } = claims;
  if (status.isTokenRevoked(jti, rootJti)) return 'the token is revoked';
  if (originJti !== undefined && status.isTokenRevoked(originJti, originJti)) return 'its origin is revoked';
  if (status.isSubjectRevoked(claims.sub_iss, claims.sub, claims.root_iat ?? claims.iat))
    return 'the subject is revoked';
  const services = [claims.client_id, ...actorsOf(claims.act)];
  if (claims.sub_kind === 'service') services.push(claims.sub);
  if (services.some((service) => status.isServiceSuspended(service))) return 'a service is suspended';
  const thumbprint = claims.cnf?.['x5t#S256'];
  return thumbprint !== undefined && status.isCertificateRevoked(thumbprint)
    ? 'the certificate is revoked'
    : undefined;
}
