import type { Requirements } from './requirements.ts';
import {
  getNamedType,
  type GraphQLCompositeType,
  type GraphQLSchema,
  isInterfaceType,
  isObjectType,
} from 'graphql';

/** Which numbered requirements a selection needs, all of them. */
export interface Needs {
  /** Of a field under its static parent type. */
  ofField(parent: GraphQLCompositeType, field: string): readonly number[];
  /** Of a fragment's type condition. */
  ofType(name: string): readonly number[];
}

/**
 * A field needs its own requirement, its type's and the root type's; on an interface also those of every
 * implementer and of its field. Worked out once per coordinate that documents name.
 *
 * @param schema the supergraph's: an inaccessible implementer counts
 */
export function createNeeds(schema: GraphQLSchema, { at }: Requirements): Needs {
  const roots = new Set(
    [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].map((type) => type?.name),
  );
  const known = new Map<string, Map<string, readonly number[]>>();

  function workOut(parent: GraphQLCompositeType, field: string): readonly number[] {
    if (field === '__schema' || field === '__type') return []; // what they show is filtered instead
    const coordinates = [`${parent.name}.${field}`, returnType(schema, parent.name, field)];
    if (roots.has(parent.name)) coordinates.push(parent.name);
    if (isInterfaceType(parent) && field !== '__typename') {
      const { objects, interfaces } = schema.getImplementations(parent);
      for (const { name } of [...objects, ...interfaces]) {
        coordinates.push(name, `${name}.${field}`, returnType(schema, name, field));
      }
    }
    return [...new Set(coordinates.flatMap((coordinate) => at.get(coordinate) ?? []))];
  }

  return {
    ofField(parent, field) {
      let fields = known.get(parent.name);
      if (fields === undefined) known.set(parent.name, (fields = new Map<string, readonly number[]>()));
      let needed = fields.get(field);
      if (needed === undefined) fields.set(field, (needed = workOut(parent, field)));
      return needed;
    },
    ofType(name) {
      const own = at.get(name);
      return own === undefined ? [] : [own];
    },
  };
}

function returnType(schema: GraphQLSchema, parent: string, field: string): string {
  const type = schema.getType(parent);
  if (!isObjectType(type) && !isInterfaceType(type)) return '';
  const returned = type.getFields()[field]?.type;
  return returned === undefined ? '' : getNamedType(returned).name;
}
