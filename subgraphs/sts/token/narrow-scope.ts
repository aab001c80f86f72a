import { SecurityError } from '@aduana/core/errors/security-error';
import type { Engine } from '@aduana/server-kit/iam/compile';
import { constrainGrant, grantableScopes } from '@aduana/server-kit/iam/grants';

/** The life of a token where nothing says less. */
export const DEFAULT_LIFETIME_SECONDS = 900;

export interface ScopeRequest {
  /** Whose permissions bound the scope. */
  readonly roles: readonly string[];
  /** What the subject holds at most beside its roles; undefined: its roles alone bound it. */
  readonly within: ReadonlySet<string> | undefined;
  /** What is asked for; undefined: all that there is. */
  readonly asked: readonly string[] | undefined;
  readonly audience: string;
}

export interface ScopeGrant {
  readonly scopes: readonly string[];
  readonly lifetimeSeconds: number;
}

/** A memo, not state: an engine never changes, and a reload makes a new one. */
const granted = new WeakMap<Engine, Map<string, ScopeGrant>>();
const MOST_GRANTS = 2_000;
/** Characters: whoever asks for more names than there are has them read each time, and kept never. */
const LONGEST_KEY = 4_096;

/**
 * What a subject may be granted of what is asked (RFC 6749 section 3.3): asked, held and allowed by policy.
 *
 * @throws SecurityError `invalid_scope` where something is asked and nothing is left, `invalid_target` for an audience
 * that the granting rules exclude
 */
export function narrowScope(request: ScopeRequest, engine: Engine): ScopeGrant {
  const { roles, within, asked, audience } = request;
  const key = JSON.stringify([roles, within === undefined ? null : [...within], asked ?? null, audience]);
  const grants = granted.get(engine) ?? new Map<string, ScopeGrant>();
  granted.set(engine, grants);
  const known = grants.get(key);
  if (known !== undefined) return known;
  const grant = decide(request, engine);
  if (grants.size >= MOST_GRANTS) grants.clear();
  if (key.length <= LONGEST_KEY) grants.set(key, grant);
  return grant;
}

function decide({ roles, within, asked, audience }: ScopeRequest, engine: Engine): ScopeGrant {
  const held = grantableScopes(engine, roles).filter((scope) => within?.has(scope) ?? true);
  const names = asked && new Set(asked);
  const wanted = names === undefined ? held : held.filter((scope) => names.has(scope));
  const { scopes, maxTtlSeconds, audiences } = constrainGrant(engine, roles, wanted);
  if (asked !== undefined && asked.length > 0 && scopes.length === 0)
    throw new SecurityError('invalid_scope', { detail: 'nothing is left of what was asked' });
  if (audiences !== undefined && !audiences.includes(audience))
    throw new SecurityError('invalid_target', { detail: 'a constraint of a role excludes the audience' });
  return { scopes, lifetimeSeconds: Math.min(DEFAULT_LIFETIME_SECONDS, maxTtlSeconds ?? Infinity) };
}
