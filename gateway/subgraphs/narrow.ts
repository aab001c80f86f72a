import { grantFor, type Requirement, type Rights } from '@aduana/subgraph/graphql/requirement';
import type { QueryPlan } from '@apollo/query-planner';
import { getNamedType, type GraphQLSchema, isInterfaceType, isObjectType } from 'graphql';
import type { LoadedSupergraph } from '../supergraph/loaded-supergraph.ts';
import type { Planned } from '../planner/plan.ts';
import { readPlannedFields } from '../planner/planned-fields.ts';
import type { Authorized, Narrowing, Shape } from '../stages.ts';

/** By the subgraph's name, what its token must carry. */
export type Narrow = (
  planned: Planned | undefined,
  authorized: Authorized,
  supergraph: LoadedSupergraph,
) => ReadonlyMap<string, Narrowing>;

const NOTHING: ReadonlyMap<string, Narrowing> = new Map();

/**
 * Finds the least that the token for each subgraph of a plan must carry: the scopes and policies of what the client
 * selected, and as `join` the guarded coordinates that the plan fetches only for keys and `@requires`. Plan and shape
 * settle it, and are remembered as objects.
 */
export function createNarrow(): Narrow {
  const known = new WeakMap<QueryPlan, WeakMap<Shape, ReadonlyMap<string, Narrowing>>>();
  return (planned, authorized, supergraph) => {
    if (planned === undefined) return NOTHING;
    const { plan } = planned;
    let byShape = known.get(plan);
    if (byShape === undefined) known.set(plan, (byShape = new WeakMap()));
    let narrowings = byShape.get(authorized.shape);
    if (narrowings === undefined)
      byShape.set(authorized.shape, (narrowings = narrowAll(plan, authorized, supergraph)));
    return narrowings;
  };
}

function narrowAll(
  plan: QueryPlan,
  authorized: Authorized,
  { supergraphSchema, requirements, subgraphs }: LoadedSupergraph,
): ReadonlyMap<string, Narrowing> {
  const selected = spreadOverTypes(authorized.fields, supergraphSchema);
  const rights: Rights = {
    authenticated: true,
    holdsScope: (scope) => authorized.scopes.has(scope),
    holdsPolicy: (name) => authorized.policies.includes(name),
  };
  const narrowings = new Map<string, Narrowing>();
  for (const [subgraph, coordinates] of readPlannedFields(plan, supergraphSchema)) {
    const scopes = new Set<string>();
    const policies = new Set<string>();
    const join = new Set<string>();
    for (const coordinate of coordinates) {
      const guards = guardsOf(coordinate);
      if (guards.length > 0 && !selected.has(coordinate)) join.add(coordinate);
      else for (const guard of guards) grant(guard, scopes, policies);
    }
    narrowings.set(subgraph, {
      audience: subgraphs.get(subgraph)?.audience ?? subgraph,
      scopes: [...scopes].sort(),
      policies: [...policies].sort(),
      join: [...join].sort(),
    });
  }
  return narrowings;

  function grant(guard: Requirement, scopes: Set<string>, policies: Set<string>): void {
    const granted = grantFor(guard, rights);
    for (const scope of granted?.scopes ?? []) scopes.add(scope);
    for (const name of granted?.policies ?? []) policies.add(name);
  }

  /** What a subgraph's guard may ask for at this field: its own, its type's and the returned type's. */
  function guardsOf(coordinate: string): Requirement[] {
    const [parent = '', field = ''] = coordinate.split('.');
    const type = supergraphSchema.getType(parent);
    const returned = isObjectType(type) || isInterfaceType(type) ? type.getFields()[field]?.type : undefined;
    return [coordinate, parent, returned === undefined ? '' : getNamedType(returned).name]
      .flatMap((place) => requirements.distinct[requirements.at.get(place) ?? -1] ?? [])
      .filter(({ scopes, policies, closed }) => closed === true || scopes.length + policies.length > 0);
  }
}

/** A field selected on an interface is selected on its implementers; one selected on an object may be fetched through its interface. */
function spreadOverTypes(fields: readonly string[], schema: GraphQLSchema): ReadonlySet<string> {
  const spread = new Set(fields);
  for (const coordinate of fields) {
    const [parent = '', field = ''] = coordinate.split('.');
    const type = schema.getType(parent);
    if (isInterfaceType(type)) {
      const { objects, interfaces } = schema.getImplementations(type);
      for (const { name } of [...objects, ...interfaces]) spread.add(`${name}.${field}`);
    }
    if (isInterfaceType(type) || isObjectType(type)) {
      for (const { name } of type.getInterfaces()) spread.add(`${name}.${field}`);
    }
  }
  return spread;
}
