import type { AccessTokenClaims, Actor, Confirmation } from './access-token.ts';

/** The deepest chain of actors that is understood (RFC 8693 section 4.1); a deeper one is refused, never cut. */
export const MAX_ACTOR_DEPTH = 8;

/**
 * The payload of an `at+jwt` of the deployment (RFC 9068 section 2.2).
 *
 * @returns undefined where a claim is missing or of another type
 */
export function parseAccessTokenClaims(
  payload: Readonly<Record<string, unknown>>,
): AccessTokenClaims | undefined {
  const { nbf, acr, cnf, act, policies, join, root_iat: rootIat, origin_jti: originJti } = payload;
  const complete =
    ['iss', 'aud', 'sub', 'client_id', 'jti', 'root_jti', 'sub_iss'].every((name) => isText(payload[name])) &&
    typeof payload['scope'] === 'string' &&
    ['iat', 'exp', 'auth_time'].every((name) => Number.isSafeInteger(payload[name])) &&
    (payload['sub_kind'] === 'service' || payload['sub_kind'] === 'user') &&
    isTexts(payload['roles']) &&
    isTexts(payload['amr']) &&
    (nbf === undefined || Number.isSafeInteger(nbf)) &&
    (rootIat === undefined || Number.isSafeInteger(rootIat)) &&
    (originJti === undefined || isText(originJti)) &&
    (acr === undefined || isText(acr)) &&
    (cnf === undefined || isConfirmation(cnf)) &&
    (act === undefined || actorDepth(act) <= MAX_ACTOR_DEPTH) &&
    (policies === undefined || isTexts(policies)) &&
    (join === undefined || isTexts(join));
  return complete ? (payload as unknown as AccessTokenClaims) : undefined;
}

/** The subjects of a chain of actors, outermost first. */
export function actorsOf(act: Actor | undefined): readonly string[] {
  return act === undefined ? [] : [act.sub, ...actorsOf(act.act)];
}

function actorDepth(act: unknown): number {
  let depth = 0;
  for (let at: unknown = act; at !== undefined; at = (at as Actor).act) {
    if (typeof at !== 'object' || at === null || !isText((at as Partial<Actor>).sub)) return Infinity;
    if ((depth += 1) > MAX_ACTOR_DEPTH) return Infinity;
  }
  return depth;
}

function isConfirmation(value: unknown): value is Confirmation {
  if (typeof value !== 'object' || value === null) return false;
  const members = Object.entries(value);
  return (
    members.length > 0 &&
    members.every(([name, text]) => (name === 'x5t#S256' || name === 'jkt') && isText(text))
  );
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every(isText);
}
