import type { JwtClaims } from '@aduana/core/tokens/jwk';
import type { Engine } from '@aduana/core/iam/compile';
import type { TrustedIssuer } from '@aduana/core/iam/policy';
import type { Platform } from '@aduana/core/platform/platform';
import { createJwksClient, type FetchedJwks } from '@aduana/core/tokens/jwks-client';
import type { KeySource } from '@aduana/core/tokens/key-source';
import { invalidToken, verifySignedJwt } from '@aduana/core/tokens/verify-signed-jwt';
import type { Subject } from './subject.ts';

/**
 * Verifies a JWT of an issuer in `trusted_issuers.yaml` and maps its claims; nothing else of it is copied.
 *
 * @throws SecurityError `invalid_token`; `STS_UNAVAILABLE` while the issuer's keys cannot be had
 */
export type VerifyForeignToken = (token: string, issuer: string) => Promise<Subject>;

export interface ForeignTokenOptions {
  readonly policies: () => Engine;
  readonly platform: Pick<Platform, 'clock' | 'log'>;
  /** One bounded attempt at an issuer's key endpoint, without redirects. */
  readonly fetchJwks: (issuer: TrustedIssuer) => Promise<FetchedJwks>;
}

const SKEW_SECONDS = 30;
const LONGEST_SUBJECT = 255;
const USUAL_TYPES = ['jwt', 'at+jwt'];

/** An issuer that is not on the list causes no fetch; each that is has its own keys, so that one never affects another. */
export function createForeignTokenVerifier(options: ForeignTokenOptions): VerifyForeignToken {
  const { policies, platform, fetchJwks } = options;
  const sources = new Map<string, KeySource>();

  const keysOf = (issuer: TrustedIssuer): KeySource => {
    const key = JSON.stringify([issuer.issuer, issuer.jwksUri, issuer.algorithms, issuer.ca]);
    const source =
      sources.get(key) ??
      createJwksClient({ ...platform, algorithms: issuer.algorithms, fetch: () => fetchJwks(issuer) });
    sources.set(key, source);
    return source;
  };

  return async (token, name) => {
    const issuer = policies().issuers.get(name);
    if (issuer === undefined) throw invalidToken('the issuer is not trusted');
    const { payload } = await verifySignedJwt(token, {
      types: issuer.typ === undefined ? [undefined, ...USUAL_TYPES] : [issuer.typ],
      algorithms: issuer.algorithms,
      keys: keysOf(issuer),
      now: platform.clock.now(),
      toleranceSeconds: SKEW_SECONDS,
    });
    if (payload.iss !== issuer.issuer) throw invalidToken('issuer');
    if (![payload.aud].flat().includes(issuer.audience)) throw invalidToken('audience');
    if (typeof payload.iat !== 'number') throw invalidToken('no iat');
    return toSubject(payload, issuer, policies());
  };
}

function toSubject(payload: JwtClaims, issuer: TrustedIssuer, engine: Engine): Subject {
  const sub = claimAt(payload, issuer.subjectClaim);
  if (typeof sub !== 'string' || sub === '' || sub.length > LONGEST_SUBJECT)
    throw invalidToken('no usable subject');
  if (engine.services.has(sub) || sub.startsWith('spiffe://'))
    throw invalidToken('the subject is the name of a service');
  if (payload['act'] !== undefined || payload['may_act'] !== undefined)
    throw invalidToken('an actor that is not ours to vouch for');
  const { iat = 0, exp = 0, auth_time: authTime } = payload;
  const scopes = mapped(payload, issuer.scopeClaims);
  return {
    sub,
    sub_iss: issuer.issuer,
    sub_kind: 'user',
    roles: [...mapped(payload, issuer.roleClaims)].sort(),
    amr: ['trusted_issuer'],
    auth_time: Number.isSafeInteger(authTime) ? (authTime as number) : Math.floor(iat),
    within: issuer.scopeClaims.size === 0 ? undefined : scopes,
    expiresAt: Math.floor(exp),
    rootJti: undefined,
    ...(payload['cnf'] === undefined ? {} : { boundTo: payload['cnf'] }),
  };
}

/** The names that the values of the claims stand for. */
function mapped(payload: JwtClaims, claims: TrustedIssuer['roleClaims']): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [claim, values] of claims)
    for (const value of [claimAt(payload, claim)].flat())
      if (typeof value === 'string') for (const name of values.get(value) ?? []) names.add(name);
  return names;
}

/** A claim by its name, or by a path of names between dots. */
function claimAt(payload: JwtClaims, path: string): unknown {
  if (Object.hasOwn(payload, path)) return payload[path];
  let at: unknown = payload;
  for (const name of path.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return at;
}
