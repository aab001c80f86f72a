import type { Engine } from '@aduana/server-kit/iam/compile';
import type { Role, Rule } from '@aduana/server-kit/iam/policy';

export interface RoleHolder {
  readonly service: string | null;
  readonly issuer: string | null;
  readonly claim: string | null;
  readonly value: string | null;
  readonly location: string;
}

/** The roles of the policies in force, with their rules and with who holds them. */
export function showRoles(engine: Engine) {
  const holders = holdersByRole(engine);
  return [...engine.sources.roles.values()].map((role) => showRole(role, holders.get(role.name) ?? []));
}

function showRole({ name, inherits, rules, location }: Role, holders: readonly RoleHolder[]) {
  return {
    name,
    inherits,
    permissions: rules.map(showRule),
    location,
    rules: rules.map(({ id, effect, pattern, when, unless, location: place }) => ({
      id,
      effect: effect === 'allow' ? 'ALLOW' : 'DENY',
      permission: pattern,
      when,
      unless,
      location: place,
    })),
    holders,
  };
}

/** An allow is its pattern; anything else is added in words. */
function showRule({ effect, pattern, when, unless }: Rule): string {
  return [
    effect === 'deny' ? `deny ${pattern}` : pattern,
    ...(when.length === 0 ? [] : [`when ${when.join(' and ')}`]),
    ...(unless.length === 0 ? [] : [`unless ${unless.join(' and ')}`]),
  ].join(' ');
}

function holdersByRole({ services, issuers }: Engine): ReadonlyMap<string, readonly RoleHolder[]> {
  const holders = new Map<string, RoleHolder[]>();
  const add = (role: string, holder: RoleHolder): void => {
    holders.set(role, [...(holders.get(role) ?? []), holder]);
  };
  for (const { id, roles, location } of services.values())
    for (const role of roles) add(role, { service: id, issuer: null, claim: null, value: null, location });
  for (const { issuer, roleClaims, location } of issuers.values())
    for (const [claim, values] of roleClaims)
      for (const [value, roles] of values)
        for (const role of roles) add(role, { service: null, issuer, claim, value, location });
  return holders;
}
