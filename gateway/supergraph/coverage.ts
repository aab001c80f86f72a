import type { AnyOfAll, Requirement } from '@aduana/core/graphql/requirement';
import type { Requirements } from '@aduana/core/graphql/requirements';
import { getNamedType, type GraphQLSchema, isObjectType } from 'graphql';

/** The names that the IAM policies define. */
export interface KnownNames {
  readonly permissions: ReadonlySet<string>;
  readonly policies: ReadonlySet<string>;
}

export interface CoveredField {
  readonly coordinate: string;
  /** All of them must hold; empty where any authenticated caller may use the field. */
  readonly requirements: readonly string[];
}

export interface CoverageReport {
  /** Every root field, mutations included. */
  readonly rootFields: readonly CoveredField[];
  readonly uncovered: readonly string[];
  /** Named by the SDL, and held by nobody. */
  readonly unknownScopes: readonly string[];
  readonly unknownPolicies: readonly string[];
  /** Defined by the IAM policies, and asked for nowhere in the SDL. */
  readonly unusedPermissions: readonly string[];
  readonly unusedPolicies: readonly string[];
}

/** Tells for every root field what it needs, and which names the SDL and the IAM policies do not share. */
export function reportCoverage(
  schema: GraphQLSchema,
  requirements: Requirements,
  known?: KnownNames,
): CoverageReport {
  const rootFields = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].flatMap(
    (root) =>
      isObjectType(root)
        ? Object.values(root.getFields()).map(({ name, type }) => ({
            coordinate: `${root.name}.${name}`,
            requirements: requirementsOf([`${root.name}.${name}`, root.name, getNamedType(type).name]),
          }))
        : [],
  );

  function requirementsOf(places: readonly string[]): string[] {
    const numbers = new Set(places.flatMap((place) => requirements.at.get(place) ?? []));
    return [...numbers].flatMap((number) => {
      const found = requirements.distinct[number];
      return found === undefined ? [] : [describe(found)];
    });
  }

  const scopes = named(requirements, ({ scopes }) => scopes);
  const policies = named(requirements, ({ policies }) => policies);
  return {
    rootFields,
    uncovered: rootFields
      .filter((field) => field.requirements.length === 0)
      .map(({ coordinate }) => coordinate),
    unknownScopes: known === undefined ? [] : without(scopes, known.permissions),
    unknownPolicies: known === undefined ? [] : without(policies, known.policies),
    unusedPermissions: known === undefined ? [] : without(known.permissions, scopes),
    unusedPolicies: known === undefined ? [] : without(known.policies, policies),
  };
}

/** The report as lines for a terminal. */
export function printCoverage(report: CoverageReport): string[] {
  const { rootFields, uncovered } = report;
  const width = Math.max(0, ...rootFields.map(({ coordinate }) => coordinate.length));
  return [
    ...rootFields.map(
      ({ coordinate, requirements }) =>
        `${coordinate.padEnd(width)}  ${requirements.join(' and ') || 'any authenticated caller'}`,
    ),
    uncovered.length === 0
      ? '100 % of root fields and mutations have a requirement'
      : `${String(rootFields.length - uncovered.length)} of ${String(rootFields.length)} root fields have a requirement; without: ${uncovered.join(', ')}`,
    ...list('scopes that nobody can hold', report.unknownScopes),
    ...list('policies that are not defined (always refused)', report.unknownPolicies),
    ...list('permissions that no field asks for', report.unusedPermissions),
    ...list('policies that no field asks for', report.unusedPolicies),
  ];
}

function describe({ authenticated, scopes, policies }: Requirement): string {
  const parts = [
    ...(scopes.length > 0 ? [`scopes ${spell(scopes)}`] : []),
    ...(policies.length > 0 ? [`policies ${spell(policies)}`] : []),
  ];
  return parts.length > 0 ? parts.join(' and ') : authenticated ? 'authenticated' : '';
}

function spell(anyOfAll: AnyOfAll): string {
  return anyOfAll.map((all) => all.join(' + ')).join(' | ');
}

function named(
  { distinct }: Requirements,
  pick: (requirement: Requirement) => AnyOfAll,
): ReadonlySet<string> {
  return new Set(distinct.flatMap((requirement) => pick(requirement).flat()));
}

function without(names: ReadonlySet<string>, others: ReadonlySet<string>): string[] {
  return [...names].filter((name) => !others.has(name)).sort();
}

function list(title: string, names: readonly string[]): string[] {
  return names.length === 0 ? [] : [`${title}: ${names.join(', ')}`];
}
