import type { Engine } from './compile.ts';
import type { ReachedRule } from './compile-role.ts';
import { permissionMatches } from './permission.ts';

/** What a token may carry at most. */
export interface ConstrainedGrant {
  readonly scopes: readonly string[];
  /** The least that any granting rule or role says. */
  readonly maxTtlSeconds: number | undefined;
  /** Undefined: any audience. */
  readonly audiences: readonly string[] | undefined;
}

/**
 * The largest `scope` that holders of these roles can be granted: their permissions, wildcards expanded over the
 * catalogue, without what a rule always denies. Conditions are asked at each use, not here.
 */
export function grantableScopes(engine: Engine, roles: readonly string[]): readonly string[] {
  return [...engine.catalogue]
    .filter((permission) => grantingRules(engine, roles, permission).length > 0)
    .sort();
}

/** Narrows scopes to what the rules that grant them allow together: ceilings, audiences and the shortest life. */
export function constrainGrant(
  engine: Engine,
  roles: readonly string[],
  scopes: readonly string[],
): ConstrainedGrant {
  const granted = scopes.filter(
    (scope) => engine.catalogue.has(scope) && grantingRules(engine, roles, scope).length > 0,
  );
  const limits = granted
    .flatMap((scope) => grantingRules(engine, roles, scope))
    .flatMap(({ constraints }) => constraints);
  const lifetimes = limits.flatMap(({ maxTtlSeconds }) => maxTtlSeconds ?? []);
  const ceilings = limits.flatMap(({ scopes: ceiling }) => (ceiling === undefined ? [] : [ceiling]));
  const targets = limits.flatMap(({ audiences }) => (audiences === undefined ? [] : [audiences]));
  return {
    scopes: granted.filter((scope) =>
      ceilings.every((ceiling) => ceiling.some((pattern) => permissionMatches(pattern, scope))),
    ),
    maxTtlSeconds: lifetimes.length === 0 ? undefined : Math.min(...lifetimes),
    audiences:
      targets.length === 0
        ? undefined
        : targets.reduce((agreed, more) => agreed.filter((one) => more.includes(one))),
  };
}

function grantingRules(engine: Engine, roles: readonly string[], permission: string): readonly ReachedRule[] {
  const candidates = roles.flatMap((role) => engine.roles.get(role)?.candidates(permission) ?? []);
  if (candidates.some(({ denies }) => denies.some(({ guard }) => guard === undefined))) return [];
  return candidates.flatMap(({ allows }) => allows);
}
