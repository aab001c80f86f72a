import {
  getNamedType,
  type GraphQLInterfaceType,
  type GraphQLObjectType,
  type GraphQLSchema,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
} from 'graphql';
import type { Requirement } from './requirement.ts';
import type { Requirements } from './requirements.ts';

/** What happens to a field that no directive guards: `authenticated` opens it to every caller with a token, `deny` to nobody. */
export type UnguardedFields = 'authenticated' | 'deny';

/** What nobody meets. */
const NOBODY: Requirement = { authenticated: true, scopes: [], policies: [], closed: true };

/** Of `_Service` and `_entities`, which belong to Federation and have rules of their own. */
const FEDERATIONS_OWN = /^(?:_Service$|[^.]+\._(?:service|entities)$)/;

/** The requirements with every field closed that no directive guards, on itself, on its type or on what it returns. */
export function denyUnguarded(schema: GraphQLSchema, requirements: Requirements): Requirements {
  const closed = requirements.distinct.length;
  const at = new Map(requirements.at);
  for (const coordinate of findUnguarded(schema, requirements)) at.set(coordinate, closed);
  return { ...requirements, distinct: [...requirements.distinct, NOBODY], at };
}

/** The coordinates of all fields that no directive guards; those of an interface are its implementations'. */
export function findUnguarded(schema: GraphQLSchema, requirements: Requirements): readonly string[] {
  return Object.values(schema.getTypeMap()).flatMap((type) => {
    if (!(isObjectType(type) || isInterfaceType(type)) || isIntrospectionType(type)) return [];
    if (isInterfaceType(type) && schema.getPossibleTypes(type).length > 0) return [];
    return Object.keys(type.getFields())
      .filter((field) => guardsOf(type, field, requirements).length === 0)
      .map((field) => `${type.name}.${field}`)
      .filter((coordinate) => !FEDERATIONS_OWN.test(type.name) && !FEDERATIONS_OWN.test(coordinate));
  });
}

/** What guards a field: its own directives, its type's and the returned type's. */
export function guardsOf(
  type: GraphQLObjectType | GraphQLInterfaceType,
  field: string,
  { at, distinct }: Requirements,
): readonly Requirement[] {
  const returned = type.getFields()[field]?.type;
  const places = [
    `${type.name}.${field}`,
    type.name,
    returned === undefined ? '' : getNamedType(returned).name,
  ];
  return places.flatMap((place) => distinct[at.get(place) ?? -1] ?? []);
}
