import {
  type ConstDirectiveNode,
  getNamedType,
  type GraphQLSchema,
  isAbstractType,
  isInterfaceType,
  isObjectType,
  Kind,
} from 'graphql';
import { argumentOf, coordinatesOf, graphOf } from './field-sets.ts';

/** A field of an object of a subgraph. */
export interface ObjectField {
  readonly type: string;
  readonly coordinate: string;
  /** The name of the type of its values. */
  readonly result: string;
}

/** What objects of one subgraph have, and what lies below them. */
export interface SubgraphTypes {
  readonly fields: readonly ObjectField[];
  /** Those that are no part of a key, on types by whose keys the subgraph can be entered. */
  readonly entityFields: readonly ObjectField[];
  /** The type and those of all objects below, but for what only such a field of an entity leads to. */
  below(type: string): ReadonlySet<string>;
}

/** Reads one subgraph, by its name in `join__Graph`, out of a supergraph. */
export function readSubgraphTypes(schema: GraphQLSchema, graph: string): SubgraphTypes {
  const entities = new Set<string>();
  const ofKeys = new Set<string>();
  const fields = new Map<string, readonly ObjectField[]>();
  for (const { name, astNode } of Object.values(schema.getTypeMap())) {
    const joined = (astNode?.directives ?? []).filter((one) => isJoin(one, 'join__type', graph));
    if (joined.some((one) => argumentOf(one, 'key') !== undefined && !isSet(one, 'resolvable', false)))
      entities.add(name);
    for (const key of joined.map((one) => argumentOf(one, 'key')))
      if (key?.kind === Kind.STRING)
        for (const coordinate of coordinatesOf(schema, name, key.value)) ofKeys.add(coordinate);
    if (joined.length > 0) fields.set(name, fieldsOf(schema, name, graph, joined));
  }
  const all = [...fields.values()].flat();
  const isOfEntity = ({ type, coordinate }: ObjectField) => entities.has(type) && !ofKeys.has(coordinate);
  const below = (start: string): ReadonlySet<string> => {
    const found = new Set([start]);
    for (const name of found) {
      const type = schema.getType(name);
      for (const one of isAbstractType(type) ? schema.getPossibleTypes(type) : []) found.add(one.name);
      for (const field of fields.get(name) ?? []) if (!isOfEntity(field)) found.add(field.result);
    }
    return found;
  };
  return { fields: all, entityFields: all.filter(isOfEntity), below: memoize(below) };
}

/** The fields that a type has in the subgraph; an interface has those of its implementations. */
function fieldsOf(
  schema: GraphQLSchema,
  name: string,
  graph: string,
  joined: readonly ConstDirectiveNode[],
): readonly ObjectField[] {
  const type = schema.getType(name);
  const isObject = isObjectType(type) || joined.some((one) => isSet(one, 'isInterfaceObject', true));
  if (!isObject || !(isObjectType(type) || isInterfaceType(type))) return [];
  return Object.values(type.getFields()).flatMap((field) => {
    const joins = (field.astNode?.directives ?? []).filter((one) => one.name.value === 'join__field');
    if (joins.length > 0 && !joins.some((one) => graphOf(one) === graph)) return [];
    return [{ type: name, coordinate: `${name}.${field.name}`, result: getNamedType(field.type).name }];
  });
}

function isJoin(directive: ConstDirectiveNode, name: string, graph: string): boolean {
  return directive.name.value === name && graphOf(directive) === graph;
}

function isSet(directive: ConstDirectiveNode, name: string, value: boolean): boolean {
  const given = argumentOf(directive, name);
  return given?.kind === Kind.BOOLEAN && given.value === value;
}

function memoize<Result>(make: (name: string) => Result): (name: string) => Result {
  const made = new Map<string, Result>();
  return (name) => {
    const known = made.get(name) ?? make(name);
    made.set(name, known);
    return known;
  };
}
