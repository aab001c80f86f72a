import type { AnyOfAll, Requirement } from '@aduana/subgraph/graphql/requirement';
import type { Requirements } from '@aduana/subgraph/graphql/requirements';
import { findUnguarded, guardsOf } from '@aduana/subgraph/graphql/deny-unguarded';
import { type GraphQLObjectType, type GraphQLSchema, isIntrospectionType, isObjectType } from 'graphql';
import { spellName, spellNames } from './spell-names.ts';

/** The names that the IAM policies define. */
export interface KnownNames {
  readonly permissions: ReadonlySet<string>;
  readonly policies: ReadonlySet<string>;
}

/** `guarded`: by scopes or policies; `authenticated`: by `@authenticated` alone; `open`: by no directive. */
export type Coverage = 'guarded' | 'authenticated' | 'open';

export interface CoveredField {
  readonly coordinate: string;
  readonly coverage: Coverage;
  /** All of them must hold; empty where any authenticated caller may use the field. */
  readonly requirements: readonly string[];
}

/** How many fields of a type are covered in which way. */
export interface CoveredType extends Readonly<Record<Coverage, number>> {
  readonly type: string;
}

export interface CoverageReport {
  /** Every root field, mutations included. */
  readonly rootFields: readonly CoveredField[];
  /** Every other type with fields; those of an interface are its implementations'. */
  readonly types: readonly CoveredType[];
  /** The root fields that are open. */
  readonly uncovered: readonly string[];
  /** The coordinates of all fields that are open, those of roots included. */
  readonly open: readonly string[];
  /** Named by the SDL, and held by nobody. */
  readonly unknownScopes: readonly string[];
  readonly unknownPolicies: readonly string[];
  /** Defined by the IAM policies, and asked for nowhere in the SDL. */
  readonly unusedPermissions: readonly string[];
  readonly unusedPolicies: readonly string[];
}

/** Reports what guards each root field and type, and which names the SDL and the IAM policies do not share. */
export function reportCoverage(
  schema: GraphQLSchema,
  requirements: Requirements,
  known?: KnownNames,
): CoverageReport {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  const rootFields = roots.flatMap((root) => (isObjectType(root) ? coverFields(root, requirements) : []));
  const types = Object.values(schema.getTypeMap()).flatMap((type) =>
    isObjectType(type) && !isIntrospectionType(type) && !roots.includes(type)
      ? [{ type: type.name, ...count(coverFields(type, requirements)) }]
      : [],
  );
  const scopes = named(requirements, ({ scopes }) => scopes);
  const policies = named(requirements, ({ policies }) => policies);
  return {
    rootFields,
    types,
    uncovered: rootFields.filter(({ coverage }) => coverage === 'open').map(({ coordinate }) => coordinate),
    open: findUnguarded(schema, requirements),
    unknownScopes: known === undefined ? [] : without(scopes, known.permissions),
    unknownPolicies: known === undefined ? [] : without(policies, known.policies),
    unusedPermissions: known === undefined ? [] : without(known.permissions, scopes),
    unusedPolicies: known === undefined ? [] : without(known.policies, policies),
  };
}

function coverFields(type: GraphQLObjectType, requirements: Requirements): readonly CoveredField[] {
  return Object.keys(type.getFields()).map((field) => {
    const guards = [...new Set(guardsOf(type, field, requirements))];
    const named = guards.some(({ scopes, policies }) => scopes.length + policies.length > 0);
    return {
      coordinate: `${type.name}.${field}`,
      coverage: named ? 'guarded' : guards.length > 0 ? 'authenticated' : 'open',
      requirements: guards.map(describe),
    };
  });
}

function count(fields: readonly CoveredField[]): Readonly<Record<Coverage, number>> {
  const of = (wanted: Coverage) => fields.filter(({ coverage }) => coverage === wanted).length;
  return { guarded: of('guarded'), authenticated: of('authenticated'), open: of('open') };
}

/** The report as lines for a terminal: one for each root field, a sum for each other type. */
export function printCoverage(report: CoverageReport): string[] {
  const { rootFields, types, uncovered } = report;
  const names = [...rootFields.map(({ coordinate }) => coordinate), ...types.map(({ type }) => type)];
  const width = Math.max(0, ...names.map(({ length }) => length));
  return [
    ...rootFields.map(({ coordinate, coverage, requirements }) =>
      `${coordinate.padEnd(width)}  ${coverage.padEnd(13)}  ${requirements.join(' and ')}`.trimEnd(),
    ),
    ...types.map(
      ({ type, guarded, authenticated, open }) =>
        `${type.padEnd(width)}  ${String(guarded)} guarded, ${String(authenticated)} authenticated, ${String(open)} open`,
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
    ...(scopes.length > 0 ? [`scopes ${spellNames(scopes)}`] : []),
    ...(policies.length > 0 ? [`policies ${spellNames(policies)}`] : []),
  ];
  return parts.length > 0 ? parts.join(' and ') : authenticated ? 'authenticated' : '';
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
  return names.length === 0 ? [] : [`${title}: ${names.map(spellName).join(', ')}`];
}
