import fc from 'fast-check';
import { buildSchema, type GraphQLFieldResolver, type GraphQLSchema } from 'graphql';
import { type FakeSubgraph } from './federation.ts';

/** A field of a generated type: where it is served, and what it gives. */
export interface GeneratedField {
  readonly kind: 'Int' | 'String' | 'Float' | 'Boolean' | 'Color' | 'one' | 'many' | 'grid' | 'node';
  readonly required: boolean;
  /** Index of the type that it leads to. */
  readonly to: number;
  readonly subgraph: number;
  readonly shared: boolean;
}

/** A federation of a few types, before it is divided into subgraphs. */
export interface Generated {
  readonly subgraphs: number;
  readonly types: readonly (readonly GeneratedField[])[];
  readonly seed: number;
}

const field = fc.record<GeneratedField>({
  kind: fc.constantFrom(
    'Int',
    'String',
    'Float',
    'Boolean',
    'Color',
    'one',
    'many',
    'grid',
    'node',
    'one',
    'many',
  ),
  required: fc.boolean(),
  to: fc.nat(3),
  subgraph: fc.nat(3),
  shared: fc.boolean(),
});
export const generatedModel = fc.record<Generated>({
  subgraphs: fc.integer({ min: 2, max: 4 }),
  types: fc.array(fc.array(field, { minLength: 2, maxLength: 7 }), { minLength: 2, maxLength: 4 }),
  seed: fc.nat(),
});

export const typeName = (index: number) => `T${String(index)}`;

function outputType(shape: Generated, { kind, required, to }: GeneratedField): string {
  const target = typeName(to % shape.types.length);
  const named =
    { one: target, many: `[${target}]`, grid: `[[${target}!]]!`, node: 'Node' }[kind as string] ?? kind;
  return required && kind !== 'grid' ? `${named}!` : named;
}

function fieldSdl(shape: Generated, one: GeneratedField, index: number): string {
  return `f${String(index)}(x: Int = 1): ${outputType(shape, one)}`;
}

/** The subgraphs that serve it together. */
export function subgraphsOf(shape: Generated): Record<string, FakeSubgraph> {
  const servedBy = ({ subgraph, shared, kind }: GeneratedField, number: number) =>
    subgraph % shape.subgraphs === number || (shared && kind !== 'node' && number === 0);
  return Object.fromEntries(
    Array.from({ length: shape.subgraphs }, (_, number) => {
      const types = shape.types.map((fields, type) => {
        const own = fields.flatMap((one, index) =>
          servedBy(one, number)
            ? [`${fieldSdl(shape, one, index)}${one.shared && one.kind !== 'node' ? ' @shareable' : ''}`]
            : [],
        );
        return `type ${typeName(type)} implements Node @key(fields: "id") { id: ID! ${own.join(' ')} }`;
      });
      const roots = shape.types.flatMap((_, type) =>
        type % shape.subgraphs === number
          ? [`r${String(type)}(n: Int = 1): ${typeName(type)}`, `l${String(type)}: [${typeName(type)}]!`]
          : [],
      );
      const query = roots.length === 0 ? '' : `type Query { ${roots.join(' ')} }`;
      return [`s${String(number)}`, { sdl: sdlOf(query, types), resolvers: resolversOf(shape, true) }];
    }),
  );
}

function sdlOf(query: string, types: readonly string[]): string {
  return `${query} interface Node { id: ID! } enum Color { RED GREEN BLUE } ${types.join(' ')}`;
}

/** One schema of all types with the same values, to compare with. */
export function referenceOf(shape: Generated): GraphQLSchema {
  const types = shape.types.map(
    (fields, type) =>
      `type ${typeName(type)} implements Node { id: ID! ${fields.map((one, index) => fieldSdl(shape, one, index)).join(' ')} }`,
  );
  const roots = shape.types.map(
    (_, type) => `r${String(type)}(n: Int = 1): ${typeName(type)} l${String(type)}: [${typeName(type)}]!`,
  );
  const schema = buildSchema(sdlOf(`type Query { ${roots.join(' ')} }`, types));
  const resolvers = resolversOf(shape, false) as Record<
    string,
    Record<string, GraphQLFieldResolver<unknown, unknown>>
  >;
  for (const [name, fields] of Object.entries(resolvers)) {
    const type = schema.getType(name);
    if (type !== undefined && 'getFields' in type)
      for (const [key, resolve] of Object.entries(fields)) {
        const definition = type.getFields()[key];
        if (definition !== undefined && 'resolve' in definition) definition.resolve = resolve;
      }
  }
  return schema;
}

interface Entity {
  readonly __typename: string;
  readonly id: string;
}

/** Values depend on the object, the field and its argument alone, so that every subgraph has the same. */
function resolversOf(shape: Generated, federated: boolean): NonNullable<FakeSubgraph['resolvers']> {
  const entity = (type: number, id: number): Entity => ({
    __typename: typeName(type % shape.types.length),
    id: String(id % 5),
  });
  const resolvers: Record<string, Record<string, (...given: never[]) => unknown>> = {
    Query: Object.fromEntries<(...given: never[]) => unknown>(
      shape.types.flatMap((_, type) => [
        [`r${String(type)}`, (_: unknown, { n }: { n: number }) => (n % 4 === 3 ? null : entity(type, n))],
        [
          `l${String(type)}`,
          () => [entity(type, 1), null, entity(type, 2), entity(type, 1), entity(type, 7)],
        ],
      ]),
    ),
  };
  for (const [type, fields] of shape.types.entries())
    resolvers[typeName(type)] = {
      ...(federated && { __resolveReference: (reference: Entity) => reference }),
      ...Object.fromEntries(
        fields.map((one, index) => [
          `f${String(index)}`,
          ({ id }: Entity, { x }: { x: number }) =>
            valueOf(one, Number(id) * 7 + x * 3 + index + shape.seed, entity),
        ]),
      ),
    };
  return resolvers;
}

function valueOf(one: GeneratedField, hash: number, entity: (type: number, id: number) => Entity): unknown {
  if (!one.required && one.kind !== 'grid' && hash % 5 === 0) return null;
  const { to } = one;
  switch (one.kind) {
    case 'Int':
      return (hash % 1000) - 500;
    case 'Float':
      return (hash % 1000) / 8;
    case 'Boolean':
      return hash % 2 === 0;
    case 'Color':
      return ['RED', 'GREEN', 'BLUE'][hash % 3];
    case 'String':
      return ['plain', 'quo"te', 'líne\n', '\ud800 lone', '', '\u2028 😀'][hash % 6];
    case 'one':
      return entity(to, hash);
    case 'many':
      return [entity(to, hash), hash % 3 === 0 ? null : entity(to, hash + 1), entity(to, hash)];
    case 'grid':
      return [[entity(to, hash), entity(to, hash + 2)], hash % 2 === 0 ? null : [], [entity(to, hash + 1)]];
    case 'node':
      return entity(hash, hash);
  }
}
