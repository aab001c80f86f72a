import { secretVariable } from '../platform/secret-variable.ts';
import type { Condition, Service, Sources, TrustedIssuer } from './policy.ts';
import type { Problems } from './problems.ts';
import type { IamPolicies } from './read-iam-policies.ts';

/** Reports names that nothing defines, and roles or conditions that contain themselves. */
export function checkPolicyReferences(iam: IamPolicies, problems: Problems): void {
  for (const role of iam.roles.values()) {
    for (const parent of role.inherits) checkRole(parent, role.location, iam, problems);
    for (const { when, unless, location } of role.rules)
      checkConditions([...when, ...unless], location, iam.conditions, problems);
  }
  for (const { roles, when, unless, location } of iam.policies.values()) {
    for (const role of roles) checkRole(role, location, iam, problems);
    checkConditions([...when, ...unless], location, iam.conditions, problems);
  }
  for (const condition of iam.conditions.values())
    checkConditions(partsOf(condition), condition.location, iam.conditions, problems);
  checkRuleIds(iam, problems);
  reportCycles('role', iam.roles, ({ inherits }) => inherits, problems);
  reportCycles('condition', iam.conditions, partsOf, problems);
}

/** Reports services and issuers that name unknown roles, share an identity, or cannot authenticate as they should. */
export function checkIdentityReferences(
  iam: Pick<Sources, 'roles'>,
  services: ReadonlyMap<string, Service>,
  issuers: ReadonlyMap<string, TrustedIssuer>,
  problems: Problems,
): void {
  checkVariables(services, problems);
  const owners = new Map<string, string>();
  for (const { id, spiffeId, roles, authentication, exchange, location } of services.values()) {
    for (const role of roles) checkRole(role, location, iam, problems);
    if (exchange !== undefined && !authentication.includes('tls_client_auth'))
      problems.add(
        location,
        `\`${id}\` may exchange tokens and does not authenticate by certificate`,
        'Add `tls_client_auth` to its `authentication`: nothing else counts for an exchange',
      );
    if (spiffeId === undefined) {
      if (authentication.includes('tls_client_auth'))
        problems.add(
          location,
          `\`${id}\` authenticates by certificate and has no SPIFFE ID`,
          'Add its `spiffe_id`',
        );
      continue;
    }
    const owner = owners.get(spiffeId);
    if (owner !== undefined)
      problems.add(location, `\`${id}\` has the SPIFFE ID of \`${owner}\``, 'Give each service its own');
    owners.set(spiffeId, id);
  }
  for (const { roleClaims, location } of issuers.values())
    for (const values of roleClaims.values())
      for (const role of [...values.values()].flat()) checkRole(role, location, iam, problems);
}

/** Reports services whose client secrets would be seeded by one variable: each could authenticate as the other. */
function checkVariables(services: ReadonlyMap<string, Service>, problems: Problems): void {
  const owners = new Map<string, string>();
  for (const { id, location } of services.values()) {
    const variable = secretVariable(id);
    const owner = owners.get(variable);
    if (owner !== undefined)
      problems.add(
        location,
        `\`${id}\` and \`${owner}\` share the variable ${variable}`,
        'Give one of them an id that differs in letters or digits',
      );
    owners.set(variable, id);
  }
}

/** Reports policies that name, as a service, what is none: a user is named together with its issuer. */
export function checkPolicySubjects(
  { policies }: Pick<Sources, 'policies'>,
  services: ReadonlyMap<string, Service>,
  problems: Problems,
): void {
  for (const { name, subjects, location } of policies.values())
    for (const { issuer, sub } of subjects)
      if (issuer === undefined && !services.has(sub))
        problems.add(
          location,
          `the policy \`${name}\` names the subject \`${sub}\`, which is no service of service_identities.yaml`,
          `Write \`{ issuer: https://idp.example.com, sub: ${sub} }\` for a user of a trusted issuer: a bare name is a service`,
        );
}

function partsOf({ allOf = [], anyOf = [], noneOf = [] }: Condition): readonly string[] {
  return [...allOf, ...anyOf, ...noneOf];
}

function checkRole(name: string, location: string, iam: Pick<Sources, 'roles'>, problems: Problems): void {
  if (!iam.roles.has(name))
    problems.add(
      location,
      `names the unknown role \`${name}\``,
      'Add it under `roles` or correct its spelling',
    );
}

function checkConditions(
  names: readonly string[],
  location: string,
  conditions: ReadonlyMap<string, Condition>,
  problems: Problems,
): void {
  for (const name of names)
    if (!conditions.has(name))
      problems.add(
        location,
        `names the unknown condition \`${name}\``,
        'Add it under `conditions` or correct its spelling',
      );
}

function checkRuleIds(iam: IamPolicies, problems: Problems): void {
  const known = new Map<string, string>();
  for (const { rules } of iam.roles.values())
    for (const { id, location } of rules) {
      const first = known.get(id);
      if (first !== undefined)
        problems.add(location, `has the rule id \`${id}\`, as ${first} has`, 'Give each rule its own id');
      known.set(id, location);
    }
}

function reportCycles<Entry extends { readonly location: string }>(
  kind: string,
  entries: ReadonlyMap<string, Entry>,
  next: (entry: Entry) => readonly string[],
  problems: Problems,
): void {
  const done = new Set<string>();
  const path: string[] = [];

  function visit(name: string): void {
    const entry = entries.get(name);
    if (entry === undefined || done.has(name)) return;
    const start = path.indexOf(name);
    if (start >= 0) {
      const cycle = [...path.slice(start), name].join(' -> ');
      problems.add(
        entry.location,
        `the ${kind} contains itself: ${cycle}`,
        'Take one link out of the circle',
      );
      return;
    }
    path.push(name);
    for (const other of next(entry)) visit(other);
    path.pop();
    done.add(name);
  }

  for (const name of entries.keys()) visit(name);
}
