import { jwtVerify, type JWTPayload } from 'jose';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Engine } from '@aduana/core/iam/compile';
import type { TrustedIssuer } from '@aduana/core/iam/policy';
import type { Platform } from '@aduana/core/platform/platform';
import { createJwksClient, type FetchedJwks } from '@aduana/core/tokens/jwks-client';
import type { KeySource } from '@aduana/core/tokens/key-source';
import { readCompactJws } from '@aduana/core/tokens/read-compact-jws';
import type { Subject } from './subject-token.ts';

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
    if (issuer === undefined) throw refuse('the issuer is not trusted');
    const header = readCompactJws(token);
    if ('refused' in header) throw refuse(header.refused);
    const types = issuer.typ === undefined ? [undefined, ...USUAL_TYPES] : [issuer.typ];
    if (!types.includes(header.typ)) throw refuse('typ');
    if (!issuer.algorithms.includes(header.alg)) throw refuse('algorithm');
    const key = await keysOf(issuer).find(header.kid);
    if (key === undefined) throw refuse('unknown kid');
    if (key.algorithm !== header.alg) throw refuse('the key has another algorithm');
    const { payload } = await jwtVerify(token, key.key, {
      algorithms: [key.algorithm],
      issuer: issuer.issuer,
      audience: issuer.audience,
      requiredClaims: ['exp', 'iat'],
      clockTolerance: SKEW_SECONDS,
      currentDate: new Date(platform.clock.now()),
    }).catch((error: unknown) => {
      throw refuse((error as { code?: string }).code ?? 'signature', error);
    });
    return toSubject(payload, issuer, policies());
  };
}

function toSubject(payload: JWTPayload, issuer: TrustedIssuer, engine: Engine): Subject {
  const sub = claimAt(payload, issuer.subjectClaim);
  if (typeof sub !== 'string' || sub === '' || sub.length > LONGEST_SUBJECT)
    throw refuse('no usable subject');
  if (engine.services.has(sub) || sub.startsWith('spiffe://'))
    throw refuse('the subject is the name of a service');
  if (payload['act'] !== undefined || payload['may_act'] !== undefined)
    throw refuse('an actor that is not ours to vouch for');
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
  };
}

/** The names that the values of the claims stand for. */
function mapped(payload: JWTPayload, claims: TrustedIssuer['roleClaims']): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [claim, values] of claims)
    for (const value of [claimAt(payload, claim)].flat())
      if (typeof value === 'string') for (const name of values.get(value) ?? []) names.add(name);
  return names;
}

/** A claim by its name, or by a path of names between dots. */
function claimAt(payload: JWTPayload, path: string): unknown {
  if (Object.hasOwn(payload, path)) return payload[path];
  let at: unknown = payload;
  for (const name of path.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Record<string, unknown>)[name];
  }
  return at;
}

function refuse(detail: string, cause?: unknown): SecurityError {
  return new SecurityError('invalid_token', { detail, cause });
}
