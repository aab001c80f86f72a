import { readShape } from '../platform/read-shape.ts';
import type { YamlDocument } from '../platform/yaml-document.ts';
import { BUILT_IN_PERMISSIONS, INTERNAL_PERMISSIONS } from './built-in-permissions.ts';
import {
  type ConditionEntry,
  type ConstraintsEntry,
  IAM_POLICIES,
  type IamPoliciesFile,
  type RuleEntry,
} from './iam-policies-shape.ts';
import { isPermission } from './permission.ts';
import type { Condition, Constraints, NamedPolicy, Role, Rule, Sources, TimeWindow } from './policy.ts';

export type IamPolicies = Pick<Sources, 'permissions' | 'conditions' | 'roles' | 'policies'>;

/** @throws ConfigurationError when the document is not of the shape of `iam_policies.yaml` */
export function readIamPolicies(document: YamlDocument): IamPolicies {
  const file = readShape(IAM_POLICIES, document, 'policies.md');
  const roles = readRoles(file, document);
  return {
    permissions: readCatalogue(file, roles, document),
    conditions: new Map(
      Object.entries(file.conditions ?? {}).map(([name, entry]) => [
        name,
        toCondition(name, entry, document.locate(['conditions', name])),
      ]),
    ),
    roles,
    policies: readNamedPolicies(file, document),
  };
}

function readNamedPolicies(file: IamPoliciesFile, document: YamlDocument): ReadonlyMap<string, NamedPolicy> {
  return new Map(
    Object.entries(file.policies ?? {}).map(
      ([name, { roles = [], subjects = [], when = [], unless = [] }]) => [
        name,
        {
          name,
          roles,
          subjects: subjects.map((one) => (typeof one === 'string' ? { issuer: undefined, sub: one } : one)),
          when,
          unless,
          location: document.locate(['policies', name]),
        },
      ],
    ),
  );
}

function readRoles(file: IamPoliciesFile, document: YamlDocument): ReadonlyMap<string, Role> {
  return new Map(
    Object.entries(file.roles ?? {}).map(([name, { inherits = [], permissions = [], constraints = {} }]) => [
      name,
      {
        name,
        inherits,
        rules: toRules(name, permissions, (index) => document.locate(['roles', name, 'permissions', index])),
        constraints: toConstraints(constraints),
        location: document.locate(['roles', name]),
      },
    ]),
  );
}

function toRules(
  role: string,
  entries: readonly RuleEntry[],
  locate: (index: number) => string,
): readonly Rule[] {
  const timesSeen = new Map<string, number>();
  return entries.map((entry, index) => {
    const effect = entry.deny === undefined ? 'allow' : 'deny';
    const pattern = entry.deny ?? entry.allow ?? '';
    const name = entry.id ?? `${role}/${effect}:${pattern}`;
    const seen = (timesSeen.get(name) ?? 0) + 1;
    timesSeen.set(name, seen);
    return {
      id: seen === 1 ? name : `${name}#${String(seen)}`,
      effect,
      pattern,
      when: entry.when ?? [],
      unless: entry.unless ?? [],
      constraints: toConstraints(entry.constraints ?? {}),
      location: locate(index),
    };
  });
}

function toConstraints(entry: ConstraintsEntry): Constraints {
  return {
    ...(entry.max_ttl_seconds === undefined ? {} : { maxTtlSeconds: entry.max_ttl_seconds }),
    ...(entry.scopes === undefined ? {} : { scopes: entry.scopes }),
    ...(entry.audiences === undefined ? {} : { audiences: entry.audiences }),
  };
}

function toCondition(name: string, entry: ConditionEntry, location: string): Condition {
  const { delegation } = entry;
  const members = {
    time: entry.time === undefined ? undefined : toTimeWindow(entry.time),
    cidr: entry.cidr,
    mtls: entry.mtls,
    spiffe: entry.spiffe,
    san: entry.san,
    authentication: entry.authentication,
    proofOfPossession: entry.proof_of_possession,
    delegation:
      delegation === undefined
        ? undefined
        : present({ maxDepth: delegation.max_depth, actors: delegation.actors }),
    environment: entry.environment,
    rate:
      entry.rate === undefined ? undefined : { limit: entry.rate.limit, perSeconds: entry.rate.per_seconds },
    acr: entry.acr,
    maxAgeSeconds: entry.max_age_seconds,
    allOf: entry.all_of,
    anyOf: entry.any_of,
    noneOf: entry.none_of,
  };
  return { name, ...present(members), location };
}

function toTimeWindow(entry: NonNullable<ConditionEntry['time']>): TimeWindow {
  const { zone, days = [], from = '00:00', to = '24:00' } = entry;
  const bounds = { notBefore: toInstant(entry.not_before), notAfter: toInstant(entry.not_after) };
  return { zone, days, from: toMinutes(from), to: toMinutes(to), ...present(bounds) };
}

function toInstant(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Date.parse(text);
}

function toMinutes(text: string): number {
  const [hours, minutes] = text.split(':');
  return Number(hours) * 60 + Number(minutes);
}

/** The members that are there: an optional member is absent, never undefined. */
function present<Members extends object>(
  members: Members,
): { [Name in keyof Members]?: NonNullable<Members[Name]> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never;
}

function readCatalogue(
  file: IamPoliciesFile,
  roles: ReadonlyMap<string, Role>,
  document: YamlDocument,
): Sources['permissions'] {
  const catalogue = new Map<string, string | undefined>();
  for (const permission of [...BUILT_IN_PERMISSIONS, ...INTERNAL_PERMISSIONS])
    catalogue.set(permission, undefined);
  const add = (permission: string, location: string): void => {
    if (!catalogue.has(permission)) catalogue.set(permission, location);
  };
  for (const [index, permission] of (file.permissions ?? []).entries())
    add(permission, document.locate(['permissions', index]));
  for (const { rules } of roles.values())
    for (const { pattern, location } of rules) if (isPermission(pattern)) add(pattern, location);
  return catalogue;
}
