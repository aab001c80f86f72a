import type { JwtClaims } from '@aduana/core/tokens/jwk';
import type { Engine } from '@aduana/server-kit/iam/compile';
import type { TrustedIssuer } from '@aduana/server-kit/iam/policy';
import { epochSeconds } from '@aduana/core/platform/clock';
import type { Platform } from '@aduana/core/platform/platform';
import type { StatusView } from '@aduana/core/status/status-entry';
import { invalidToken, verifySignedJwt } from '@aduana/core/tokens/verify-signed-jwt';
import type { IssuerKeys } from './issuer-keys.ts';
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
  /** What of tokens and subjects is revoked. */
  readonly status: Pick<StatusView, 'isTokenRevoked' | 'isSubjectRevoked'>;
  readonly keysOf: IssuerKeys;
}

const SKEW_SECONDS = 30;
const LONGEST_SUBJECT = 255;
/** What no column holds, or holds as another text: U+0000, and surrogates without their other half. */
const UNKEPT = /[\0\p{Surrogate}]/u;
/** What a condition of the policies can name, and a challenge can carry. */
const ACR = /^[\x21\x23-\x5b\x5d-\x7e]{1,255}$/;
/** A longer one names no token that could be revoked by it. */
const LONGEST_JTI = 500;
const USUAL_TYPES = ['jwt', 'at+jwt'];

/** An issuer that is not on the list causes no fetch. */
export function createForeignTokenVerifier(options: ForeignTokenOptions): VerifyForeignToken {
  const { policies, platform, status, keysOf } = options;
  const leads = new Map<string, number>();

  /**
   * `iat` by our clock, at the latest: an issuer whose clock is ahead, as tokens from the future have shown, wrote a later one
   * than that of a revocation which came after.
   */
  const latestIssue = ({ issuer }: TrustedIssuer, issuedAt: number): number => {
    const lead = Math.max(leads.get(issuer) ?? 0, issuedAt - platform.clock.now() / 1000);
    leads.set(issuer, lead);
    return Math.floor(issuedAt - lead);
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
    if (payload.iat + issuer.maxAgeSeconds <= epochSeconds(platform.clock)) throw invalidToken('too old');
    const rootIat = latestIssue(issuer, payload.iat);
    const subject = { ...toSubject(payload, issuer, payload.iat, policies()), rootIat };
    const { sub, sub_iss: subjectIssuer, originJti } = subject;
    if (status.isSubjectRevoked(subjectIssuer, sub, rootIat)) throw invalidToken('the subject is revoked');
    if (originJti !== undefined && status.isTokenRevoked(originJti, originJti))
      throw invalidToken('the token is revoked');
    return subject;
  };
}

function toSubject(
  payload: JwtClaims,
  issuer: TrustedIssuer,
  issuedAt: number,
  engine: Engine,
): Omit<Subject, 'rootIat'> {
  const sub = claimAt(payload, issuer.subjectClaim);
  if (typeof sub !== 'string' || sub === '' || sub.length > LONGEST_SUBJECT || UNKEPT.test(sub))
    throw invalidToken('no usable subject');
  if (engine.services.has(sub) || sub.startsWith('spiffe://'))
    throw invalidToken('the subject is the name of a service');
  if (payload['act'] !== undefined || payload['may_act'] !== undefined)
    throw invalidToken('an actor that is not ours to vouch for');
  const { exp = 0, jti, acr } = payload;
  const scopes = mapped(payload, issuer.scopeClaims);
  return {
    sub,
    sub_iss: issuer.issuer,
    sub_kind: 'user',
    roles: [...mapped(payload, issuer.roleClaims)].sort(),
    amr: ['trusted_issuer'],
    auth_time: authTimeOf(payload, issuedAt),
    ...(typeof acr === 'string' && ACR.test(acr) ? { acr } : {}),
    within: issuer.scopeClaims.size === 0 ? undefined : scopes,
    expiresAt: Math.floor(Math.min(exp, issuedAt + issuer.maxAgeSeconds)),
    rootJti: undefined,
    originJti: typeof jti === 'string' && jti !== '' && jti.length <= LONGEST_JTI ? jti : undefined,
    ...(payload['cnf'] === undefined ? {} : { boundTo: payload['cnf'] }),
  };
}

/** When the user logged in; 0, which is never fresh, where the issuer does not say or names a time after the token's. */
function authTimeOf({ auth_time: claimed }: JwtClaims, issuedAt: number): number {
  if (typeof claimed !== 'number' || !(claimed >= 0) || claimed > issuedAt + SKEW_SECONDS) return 0;
  return Math.floor(Math.min(claimed, issuedAt));
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
