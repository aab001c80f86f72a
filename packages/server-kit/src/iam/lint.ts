import { patternCovers, permissionMatches } from './permission.ts';
import type { Condition, Location, Rule, Sources } from './policy.ts';

/** Something in good policies that is probably not meant. */
export interface LintFinding {
  readonly code:
    | 'unused_role'
    | 'unused_condition'
    | 'unreachable_rule'
    | 'shadowed_rule'
    | 'matches_nothing'
    | 'wildcard_admin'
    | 'never_true'
    | 'expired'
    | 'open_policy'
    | 'unknown_issuer'
    | 'exchange_with_secret';
  readonly location: Location;
  readonly message: string;
}

/** @param now milliseconds since the epoch, for dates that have passed */
export function lint(sources: Sources, now: number): readonly LintFinding[] {
  return [
    ...lintRoles(sources),
    ...lintRules(sources),
    ...lintConditions(sources, now),
    ...lintPolicies(sources),
    ...lintServices(sources),
  ].sort((a, b) => (a.location === b.location ? 0 : compareLocations(a.location, b.location)));
}

function lintRoles({ roles, services, issuers, policies }: Sources): readonly LintFinding[] {
  const used = new Set([
    ...[...services.values()].flatMap((service) => service.roles),
    ...[...roles.values()].flatMap(({ inherits }) => inherits),
    ...[...policies.values()].flatMap((policy) => policy.roles),
    ...[...issuers.values()].flatMap(({ roleClaims }) =>
      [...roleClaims.values()].flatMap((values) => [...values.values()].flat()),
    ),
  ]);
  return [...roles.values()]
    .filter(({ name }) => !used.has(name))
    .map(({ name, location }) => ({
      code: 'unused_role',
      location,
      message: `nobody holds the role ${name}`,
    }));
}

/** Whoever exchanges tokens acts for others: a secret that leaks must not speak in its name. */
function lintServices({ services }: Sources): readonly LintFinding[] {
  return [...services.values()]
    .filter(
      ({ exchange, authentication }) =>
        exchange !== undefined && authentication.some((method) => method !== 'tls_client_auth'),
    )
    .map(({ id, location }) => ({
      code: 'exchange_with_secret',
      location,
      message: `${id} exchanges tokens by its certificate alone: leave only tls_client_auth in its authentication`,
    }));
}

function lintRules({ roles, permissions }: Sources): readonly LintFinding[] {
  const findings: LintFinding[] = [];
  const add = (code: LintFinding['code'], { location }: Rule, message: string): void => {
    findings.push({ code, location, message });
  };
  for (const { rules } of roles.values())
    for (const rule of rules) {
      const { pattern, effect } = rule;
      if (effect === 'allow' && (pattern === '**' || pattern === '*:**') && isAlways(rule))
        add('wildcard_admin', rule, `${pattern} allows everything that there is and will be`);
      if (![...permissions.keys()].some((permission) => permissionMatches(pattern, permission)))
        add('matches_nothing', rule, `${pattern} matches no permission of the catalogue`);
      const others = rules.filter((other) => other !== rule && isAlways(other) && covers(other, rule));
      const deny = others.find((other) => other.effect === 'deny');
      const same = others.find((other) => other.effect === effect && isFirst(other, rule, rules));
      if (effect === 'allow' && deny !== undefined)
        add('unreachable_rule', rule, `${pattern} is always denied by ${deny.location}`);
      else if (same !== undefined)
        add('shadowed_rule', rule, `${pattern} says nothing that ${same.location} does not say`);
    }
  return findings;
}

function isAlways({ when, unless }: Rule): boolean {
  return when.length === 0 && unless.length === 0;
}

function covers(broad: Rule, narrow: Rule): boolean {
  return patternCovers(broad.pattern, narrow.pattern);
}

/** Of two rules that cover each other, only the later one is superfluous; one with constraints limits and never is. */
function isFirst(other: Rule, rule: Rule, rules: readonly Rule[]): boolean {
  if (Object.keys(rule.constraints).length > 0) return false;
  return !(covers(rule, other) && isAlways(rule)) || rules.indexOf(other) < rules.indexOf(rule);
}

function lintConditions(sources: Sources, now: number): readonly LintFinding[] {
  const { conditions, roles, policies } = sources;
  const guarded = [...[...roles.values()].flatMap(({ rules }) => rules), ...policies.values()];
  const used = new Set([
    ...guarded.flatMap(({ when, unless }) => [...when, ...unless]),
    ...[...conditions.values()].flatMap(({ allOf = [], anyOf = [], noneOf = [] }) => [
      ...allOf,
      ...anyOf,
      ...noneOf,
    ]),
  ]);
  return [...conditions.values()].flatMap((condition) => {
    const { name, location, time } = condition;
    const found: LintFinding[] = [];
    if (!used.has(name)) found.push({ code: 'unused_condition', location, message: `nothing names ${name}` });
    const why = neverTrue(condition, sources);
    if (why !== undefined)
      found.push({ code: 'never_true', location, message: `${name} never holds: ${why}` });
    if (time?.notAfter !== undefined && time.notAfter <= now)
      found.push({
        code: 'expired',
        location,
        message: `${name} ended at ${new Date(time.notAfter).toISOString()}`,
      });
    return found;
  });
}

function neverTrue(condition: Condition, { conditions, issuers }: Sources): string | undefined {
  const { time, allOf = [], noneOf = [], mtls, spiffe, acr } = condition;
  if (time?.notBefore !== undefined && time.notAfter !== undefined && time.notAfter <= time.notBefore)
    return 'it ends before it begins';
  if (allOf.some((name) => noneOf.includes(name))) return 'it asks for a condition and against it';
  if (mtls === false && spiffe !== undefined) return 'a SPIFFE ID comes with a certificate alone';
  if (acr !== undefined && issuers.size === 0) return 'no trusted issuer says how users logged in';
  const classes = [condition, ...allOf.flatMap((name) => conditions.get(name) ?? [])]
    .flatMap((one) => (one.acr === undefined ? [] : [one.acr]))
    .reduce<readonly string[] | undefined>(
      (all, some) => all?.filter((one) => some.includes(one)) ?? some,
      undefined,
    );
  return classes?.length === 0 ? 'no login is of two classes at once' : undefined;
}

function lintPolicies({ policies, issuers }: Sources): readonly LintFinding[] {
  const strange = [...policies.values()].flatMap(({ name, subjects, location }) =>
    subjects
      .flatMap(({ issuer }) => (issuer === undefined || issuers.has(issuer) ? [] : [issuer]))
      .map((issuer) => ({
        code: 'unknown_issuer' as const,
        location,
        message: `${name} names a user of ${issuer}, which trusted_issuers.yaml does not trust; a service is named by its id alone`,
      })),
  );
  const open = [...policies.values()]
    .filter(({ roles, subjects, when, unless }) =>
      [roles, subjects, when, unless].every((list) => list.length === 0),
    )
    .map(({ name, location }) => ({
      code: 'open_policy' as const,
      location,
      message: `${name} holds for every caller`,
    }));
  return [...strange, ...open];
}

function compareLocations(a: Location, b: Location): number {
  const [fileA = '', lineA = ''] = a.split(':');
  const [fileB = '', lineB = ''] = b.split(':');
  return fileA === fileB ? Number(lineA) - Number(lineB) : fileA < fileB ? -1 : 1;
}
