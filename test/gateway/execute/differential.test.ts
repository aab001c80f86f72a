import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { buildSchema, graphql, type GraphQLFieldResolver, type GraphQLSchema } from 'graphql';
import { createTestExecutor, type FakeSubgraph, openFederation } from '../../support/federation.ts';

/** A field of a generated type: where it is served, and what it gives. */
interface GeneratedField {
  readonly kind: 'Int' | 'String' | 'Float' | 'Boolean' | 'Color' | 'one' | 'many' | 'grid' | 'node';
  readonly required: boolean;
  /** Index of the type that it leads to. */
  readonly to: number;
  readonly subgraph: number;
  readonly shared: boolean;
}

interface Generated {
  readonly subgraphs: number;
  readonly types: readonly (readonly GeneratedField[])[];
  readonly seed: number;
}

/** `DIFFERENTIAL_SUPERGRAPHS=100` makes thousands of cases of it. */
const SUPERGRAPHS = Number(process.env['DIFFERENTIAL_SUPERGRAPHS'] ?? 4);
const SEED = Number(process.env['DIFFERENTIAL_SEED'] ?? 1);
const DOCUMENTS = 40;

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
const generated = fc.record<Generated>({
  subgraphs: fc.integer({ min: 2, max: 4 }),
  types: fc.array(fc.array(field, { minLength: 2, maxLength: 7 }), { minLength: 2, maxLength: 4 }),
  seed: fc.nat(),
});

const plain = createTestExecutor({ completion: 'plain' });
const compiled = createTestExecutor({ completion: 'compiled' });

describe('generated supergraphs, documents and data', () => {
  it(
    'answer, by either completion, to the byte what one schema of all types answers',
    async () => {
      const supergraphs = fc.sample(generated, { numRuns: SUPERGRAPHS, seed: SEED });
      for (const [round, shape] of supergraphs.entries()) {
        const federation = openFederation(subgraphsOf(shape));
        const reference = referenceOf(shape);
        const documents = fc.sample(documentOf(shape), { numRuns: DOCUMENTS, seed: SEED + round });
        for (const { text, variables } of documents) {
          const { data } = await graphql({ schema: reference, source: text, variableValues: variables });
          const expected = { text, data: JSON.stringify(data), errors: [] };
          for (const execute of [plain, compiled]) {
            const answer = await federation.ask(execute, text, { variables });
            expect({ text, data: answer.text, errors: answer.errors }).toEqual(expected);
          }
        }
      }
    },
    60_000 + SUPERGRAPHS * 20_000,
  );
});

const typeName = (index: number) => `T${String(index)}`;

function outputType(shape: Generated, { kind, required, to }: GeneratedField): string {
  const target = typeName(to % shape.types.length);
  const named =
    { one: target, many: `[${target}]`, grid: `[[${target}!]]!`, node: 'Node' }[kind as string] ?? kind;
  return required && kind !== 'grid' ? `${named}!` : named;
}

function fieldSdl(shape: Generated, one: GeneratedField, index: number): string {
  return `f${String(index)}(x: Int = 1): ${outputType(shape, one)}`;
}

function subgraphsOf(shape: Generated): Record<string, FakeSubgraph> {
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

function referenceOf(shape: Generated): GraphQLSchema {
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

/** Values depend on the object, the field and its argument alone, so that every subgraph tells the same. */
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

interface GeneratedDocument {
  readonly text: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

function documentOf(shape: Generated): fc.Arbitrary<GeneratedDocument> {
  const roots = fc.array(
    fc.tuple(fc.nat(shape.types.length - 1), fc.boolean(), fc.infiniteStream(fc.nat(999))),
    {
      minLength: 1,
      maxLength: 3,
    },
  );
  return fc.tuple(roots, fc.boolean(), fc.nat(5)).map(([chosen, yes, v]) => {
    const selections = chosen.map(([type, list, stream], place) => {
      const next = () => Number(stream.next().value);
      const root = list ? `l${String(type)}` : `r${String(type)}(n: ${String(next() % 6)})`;
      return `a${String(place)}: ${root} ${selectionOf(shape, type, next, 0)}`;
    });
    return {
      text: `query ($v: Int, $yes: Boolean = false) { a: __typename ${selections.join(' ')} b: r0 @include(if: $yes) { id x: f0(x: $v) ${leafOrNot(shape)} } c: r0 { f1(x: $v) ${leafOrNot(shape, 1)} } }`,
      variables: { yes, v },
    };
  });
}

/** What to select below a field of the first type that may be composite. */
function leafOrNot(shape: Generated, index = 0): string {
  const kind = shape.types[0]?.[index]?.kind ?? 'Int';
  return ['one', 'many', 'grid', 'node'].includes(kind) ? '{ id }' : '';
}

function selectionOf(shape: Generated, type: number, next: () => number, depth: number): string {
  const fields = shape.types[type] ?? [];
  const count = 1 + (next() % 4);
  const parts: string[] = [];
  for (let place = 0; place < count; place++) {
    const index = next() % fields.length;
    const one = fields[index];
    if (one === undefined) continue;
    const composite = ['one', 'many', 'grid', 'node'].includes(one.kind);
    if (composite && depth >= 3) continue;
    const argument = next() % 3;
    const key = `k${String(index)}_${String(argument)}`;
    const head = `${key}: f${String(index)}(x: ${String(argument)})`;
    const target = one.to % shape.types.length;
    const below =
      one.kind === 'node'
        ? nodeSelection(shape, next, depth + 1)
        : composite
          ? selectionOf(shape, target, next, depth + 1)
          : '';
    const condition = next() % 7 === 0 ? '@skip(if: $yes)' : '';
    parts.push(
      next() % 6 === 0
        ? `... on ${typeName(type)} ${condition} { ${head} ${below} }`
        : `${head} ${condition} ${below}`,
    );
  }
  if (next() % 3 === 0) parts.push('id');
  if (next() % 5 === 0) parts.push('t: __typename');
  return `{ ${parts.length === 0 ? '__typename' : [...new Set(parts)].join(' ')} }`;
}

function nodeSelection(shape: Generated, next: () => number, depth: number): string {
  const members = shape.types.map((_, type) =>
    next() % 2 === 0
      ? `... on ${typeName(type)} { n${String(type)}: id ${selectionOf(shape, type, next, depth)
          .slice(1, -1)
          .replaceAll(/\bk(?=\d)/g, `m${String(type)}_`)} }`
      : '',
  );
  return `{ i: id ${members.join(' ')} }`;
}
