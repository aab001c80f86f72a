import { SecurityError } from '@aduana/core/errors/security-error';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import { actorsOf } from '@aduana/core/tokens/parse-access-token-claims';
import type { Engine } from './compile.ts';
import { grantableScopes } from './grants.ts';

interface Limits {
  readonly claims: WeakMap<AccessTokenClaims, AccessTokenClaims>;
  readonly scopes: Map<string, ReadonlySet<string>>;
}

/** What is known under policies that are in force; a reload brings a new engine. */
const limits = new WeakMap<Engine, Limits>();
const MOST_ROLE_SETS = 1_000;

/**
 * The claims of a token as the registry of this moment limits them: roles that its subject may still have, scopes that
 * these roles still grant. The same object where nothing is taken away.
 *
 * @throws SecurityError `invalid_token` where the subject, the client or an actor is no registered service, or the
 * issuer of a user is not trusted
 */
export function claimsWithin(engine: Engine, claims: AccessTokenClaims): AccessTokenClaims {
  const known = limitsOf(engine).claims.get(claims);
  if (known !== undefined) return known;
  const limited = limit(engine, claims);
  limitsOf(engine).claims.set(claims, limited);
  return limited;
}

function limit(engine: Engine, claims: AccessTokenClaims): AccessTokenClaims {
  const { client_id: client, act, sub, sub_kind: kind, sub_iss: issuer } = claims;
  const services = [client, ...actorsOf(act), ...(kind === 'service' ? [sub] : [])];
  if (!services.every((id) => engine.services.has(id))) throw refuse('a service is not registered');
  const possible = kind === 'service' ? engine.services.get(sub)?.roles : rolesOfIssuer(engine, issuer);
  if (possible === undefined) throw refuse('the issuer of the user is not trusted');
  const roles = claims.roles.filter((role) => possible.includes(role));
  const grantable = scopesOf(engine, roles);
  const scopes = claims.scope.split(' ').filter((scope) => scope !== '');
  const left = scopes.filter((scope) => grantable.has(scope));
  return roles.length === claims.roles.length && left.length === scopes.length
    ? claims
    : { ...claims, roles, scope: left.join(' ') };
}

/** Every role that the issuer's claims can stand for. */
function rolesOfIssuer(engine: Engine, issuer: string): readonly string[] | undefined {
  const claims = engine.issuers.get(issuer)?.roleClaims;
  return claims && [...claims.values()].flatMap((values) => [...values.values()].flat());
}

function scopesOf(engine: Engine, roles: readonly string[]): ReadonlySet<string> {
  const { scopes } = limitsOf(engine);
  const key = roles.join(' ');
  const known = scopes.get(key);
  if (known !== undefined) return known;
  const grantable = new Set(grantableScopes(engine, roles));
  if (scopes.size >= MOST_ROLE_SETS) scopes.clear();
  scopes.set(key, grantable);
  return grantable;
}

function limitsOf(engine: Engine): Limits {
  const known = limits.get(engine);
  if (known !== undefined) return known;
  const made: Limits = { claims: new WeakMap(), scopes: new Map() };
  limits.set(engine, made);
  return made;
}

function refuse(detail: string): SecurityError {
  return new SecurityError('invalid_token', { detail });
}
