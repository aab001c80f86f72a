import { sha256Hex } from '@aduana/core/platform/digest';
import { type ExplainableSchema, readExplainableSchema } from '@aduana/server-kit/graphql/explainable-schema';
import type { Engine } from '@aduana/server-kit/iam/compile';
import { grantableScopes } from '@aduana/server-kit/iam/grants';
import { guardsOf } from '@aduana/subgraph/graphql/deny-unguarded';
import { isMet, type Requirement, type Rights } from '@aduana/subgraph/graphql/requirement';
import {
  type ConstDirectiveNode,
  type GraphQLField,
  type GraphQLInterfaceType,
  type GraphQLObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  Kind,
} from 'graphql';

type FieldCoverage = 'GUARDED' | 'AUTHENTICATED' | 'OPEN';

interface GraphField {
  readonly name: string;
  readonly coordinate: string;
  readonly type: string;
  readonly coverage: FieldCoverage;
  readonly requirement: string;
  readonly subgraphs: readonly string[];
  readonly reachableBy: readonly string[];
}

export interface GraphType {
  readonly name: string;
  readonly kind: 'OBJECT' | 'INTERFACE';
  readonly subgraphs: readonly string[];
  readonly fields: readonly GraphField[];
}

export interface GraphCoverage {
  readonly sha256: string;
  readonly guarded: number;
  readonly authenticated: number;
  readonly open: number;
  readonly subgraphs: readonly {
    readonly name: string;
    readonly url: string;
    readonly types: number;
    readonly fields: number;
  }[];
  readonly types: (page: { readonly first: number; readonly after?: string | null }) => readonly GraphType[];
}

type FieldsType = GraphQLObjectType | GraphQLInterfaceType;

const MOST_TYPES = 500;

/**
 * What guards each field of a supergraph, and which roles can reach it where the conditions of their rules hold.
 *
 * @param sdl of the supergraph
 * @throws SecurityError `SUPERGRAPH_INVALID`
 */
export function readGraphCoverage(sdl: string, engine: Engine): GraphCoverage {
  const explainable = readExplainableSchema(sdl);
  const graphs = readGraphs(explainable);
  const reach = createReach(engine);
  const types = Object.values(explainable.schema.getTypeMap())
    .filter((type): type is FieldsType => (isObjectType(type) || isInterfaceType(type)) && !isOwn(type))
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .map((type) => describeType(type, explainable, graphs, reach));
  const fields = types.flatMap((type) => type.fields);
  const count = (wanted: FieldCoverage): number =>
    fields.filter(({ coverage }) => coverage === wanted).length;
  return {
    sha256: sha256Hex(sdl),
    guarded: count('GUARDED'),
    authenticated: count('AUTHENTICATED'),
    open: count('OPEN'),
    subgraphs: [...graphs.values()].map(({ name, url }) => ({
      name,
      url,
      types: types.filter(({ subgraphs }) => subgraphs.includes(name)).length,
      fields: fields.filter(({ subgraphs }) => subgraphs.includes(name)).length,
    })),
    types: ({ first, after }) =>
      types
        .filter(({ name }) => after == null || name > after)
        .slice(0, Math.min(Math.max(0, first), MOST_TYPES)),
  };
}

/** Composition's own types, and introspection's. */
function isOwn(type: FieldsType): boolean {
  return isIntrospectionType(type) || type.name.includes('__');
}

function describeType(
  type: FieldsType,
  { requirements }: ExplainableSchema,
  graphs: Graphs,
  reach: (guards: readonly Requirement[]) => readonly string[],
): GraphType {
  const own = graphsOf(type.astNode?.directives, 'join__type', graphs);
  return {
    name: type.name,
    kind: isObjectType(type) ? 'OBJECT' : 'INTERFACE',
    subgraphs: own,
    fields: Object.values(type.getFields()).map((field) => {
      const guards = [...new Set(guardsOf(type, field.name, requirements))];
      const isNamed = guards.some(({ scopes, policies }) => scopes.length + policies.length > 0);
      return {
        name: field.name,
        coordinate: `${type.name}.${field.name}`,
        type: String(field.type),
        coverage: isNamed ? 'GUARDED' : guards.length > 0 ? 'AUTHENTICATED' : 'OPEN',
        requirement: guards
          .map(describeRequirement)
          .filter((text) => text !== '')
          .join('; and '),
        subgraphs: fieldGraphs(field, own, graphs),
        reachableBy: isNamed ? reach(guards) : [],
      };
    }),
  };
}

/** A field without `@join__field(graph:)` is resolved by every subgraph of its type. */
function fieldGraphs(
  field: GraphQLField<unknown, unknown>,
  ofType: readonly string[],
  graphs: Graphs,
): readonly string[] {
  const named = graphsOf(field.astNode?.directives, 'join__field', graphs);
  return named.length === 0 ? ofType : named;
}

/** Subgraphs by the names that the join spec has for them. */
type Graphs = ReadonlyMap<string, { readonly name: string; readonly url: string }>;

function readGraphs({ schema }: ExplainableSchema): Graphs {
  const node = schema.getType('join__Graph')?.astNode;
  const values = node?.kind === Kind.ENUM_TYPE_DEFINITION ? (node.values ?? []) : [];
  return new Map(
    values.map(({ name, directives = [] }) => {
      const join = directives.find((directive) => directive.name.value === 'join__graph');
      return [
        name.value,
        { name: textOf(join, 'name') ?? name.value.toLowerCase(), url: textOf(join, 'url') ?? '' },
      ];
    }),
  );
}

function graphsOf(
  directives: readonly ConstDirectiveNode[] = [],
  wanted: string,
  graphs: Graphs,
): readonly string[] {
  const names = directives
    .filter((directive) => directive.name.value === wanted && textOf(directive, 'external') !== 'true')
    .flatMap((directive) => graphs.get(textOf(directive, 'graph') ?? '')?.name ?? []);
  return [...new Set(names)];
}

function textOf(directive: ConstDirectiveNode | undefined, argument: string): string | undefined {
  const value = directive?.arguments?.find(({ name }) => name.value === argument)?.value;
  if (value?.kind === Kind.BOOLEAN) return String(value.value);
  return value?.kind === Kind.STRING || value?.kind === Kind.ENUM ? value.value : undefined;
}

/** The roles that can meet requirements, each set of which is asked about once. */
function createReach(engine: Engine): (guards: readonly Requirement[]) => readonly string[] {
  const rights = [...engine.roles.keys()].map((role) => [role, rightsOfRole(role, engine)] as const);
  const known = new Map<string, readonly string[]>();
  return (guards) => {
    const key = JSON.stringify(guards);
    const roles =
      known.get(key) ??
      rights.filter(([, held]) => guards.every((guard) => isMet(guard, held))).map(([role]) => role);
    known.set(key, roles);
    return roles;
  };
}

function rightsOfRole(role: string, engine: Engine): Rights {
  const scopes = new Set(grantableScopes(engine, [role]));
  const held = engine.roles.get(role)?.held ?? new Set<string>();
  return {
    authenticated: true,
    holdsScope: (scope) => scopes.has(scope),
    holdsPolicy(name) {
      const policy = engine.policies.get(name)?.policy;
      if (policy === undefined || policy.subjects.length > 0) return false;
      return policy.roles.length === 0 || policy.roles.some((one) => held.has(one));
    },
  };
}

function describeRequirement({ authenticated, scopes, policies, closed }: Requirement): string {
  if (closed === true) return 'nobody';
  const named = [
    ...(scopes.length === 0 ? [] : [scopes.map((all) => all.join(' and ')).join(', or ')]),
    ...(policies.length === 0
      ? []
      : [policies.map((all) => all.map((name) => `policy ${name}`).join(' and ')).join(', or ')]),
  ];
  return named.length === 0 && authenticated ? 'authenticated' : named.join('; and ');
}
