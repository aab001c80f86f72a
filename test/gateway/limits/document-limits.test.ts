import { describe, expect, test } from '@jest/globals';
import { SecurityError } from '@aduana/core/errors/security-error';
import { buildSchema, getOperationAST, parse } from 'graphql';
import { createDocumentLimits } from '../../../gateway/limits/document-limits.ts';
import { measureDocument } from '../../../gateway/limits/measure-document.ts';

const DEFAULTS = {
  LIMIT_TOKENS: 4000,
  LIMIT_DEPTH: 15,
  LIMIT_INTROSPECTION_DEPTH: 20,
  LIMIT_ALIASES: 30,
  LIMIT_ROOT_FIELDS: 20,
  LIMIT_DIRECTIVES: 50,
  LIMIT_COST: 10_000,
  LIST_SIZE: 10,
} as const;
type Settings = Parameters<typeof createDocumentLimits>[0];

const codeOf = (check: () => void): string => {
  try {
    check();
    return 'ok';
  } catch (error) {
    expect(error).toBeInstanceOf(SecurityError);
    expect((error as SecurityError).status).toBe(400);
    return (error as SecurityError).code;
  }
};
const check = (document: string, settings: Partial<Settings> = {}) =>
  codeOf(() => {
    createDocumentLimits({ ...DEFAULTS, ...settings }).checkDocument(parse(document));
  });

const nested = (depth: number): string => (depth === 1 ? 'f' : `f { ${nested(depth - 1)} }`);
const times = (count: number, text: (n: number) => string): string =>
  Array.from({ length: count }, (_, n) => text(n)).join(' ');

describe('the shape of a document', () => {
  test.each([
    ['depth', `{ ${nested(15)} }`, `{ ${nested(16)} }`, 'LIMIT_DEPTH_EXCEEDED'],
    [
      'depth through fragments',
      `{ f { ...A } } fragment A on T { ${nested(14)} }`,
      `{ f { ...A } } fragment A on T { ${nested(15)} }`,
      'LIMIT_DEPTH_EXCEEDED',
    ],
    [
      'depth of a fragment that nothing uses',
      `{ f } fragment A on T { ${nested(15)} }`,
      `{ f } fragment A on T { ${nested(16)} }`,
      'LIMIT_DEPTH_EXCEEDED',
    ],
    [
      'introspection depth',
      `{ __schema { ${nested(19)} } }`,
      `{ __schema { ${nested(20)} } }`,
      'LIMIT_DEPTH_EXCEEDED',
    ],
    [
      'aliases',
      `{ f { ${times(30, (n) => `a${String(n)}: x`)} } }`,
      `{ f { ${times(31, (n) => `a${String(n)}: x`)} } }`,
      'LIMIT_ALIASES_EXCEEDED',
    ],
    [
      'aliases of a fragment that is used often',
      `{ f { ...A } g { ...A } } fragment A on T { ${times(15, (n) => `a${String(n)}: x`)} }`,
      `{ f { ...A } g { ...A } h { ...A } } fragment A on T { ${times(15, (n) => `a${String(n)}: x`)} }`,
      'LIMIT_ALIASES_EXCEEDED',
    ],
    [
      'root fields',
      `{ ${times(20, (n) => `f${String(n)}`)} }`,
      `{ ${times(21, (n) => `f${String(n)}`)} }`,
      'LIMIT_ROOT_FIELDS_EXCEEDED',
    ],
    [
      'root fields in fragments',
      `{ ...A ...A } fragment A on Query { ${times(10, (n) => `f${String(n)}`)} }`,
      `{ f ...A ...A } fragment A on Query { ${times(10, (n) => `f${String(n)}`)} }`,
      'LIMIT_ROOT_FIELDS_EXCEEDED',
    ],
    [
      'directives on one field',
      `{ f ${times(50, () => '@a')} }`,
      `{ f ${times(51, () => '@a')} }`,
      'LIMIT_DIRECTIVES_EXCEEDED',
    ],
    [
      'directives on everything',
      'query Q($v: I @a) @a { ... @a { f @a } ...B @a } fragment B on T @a { f }',
      `query Q($v: I ${times(46, () => '@a')}) @a { ... @a { f @a } ...B @a } fragment B on T @a { f }`,
      'LIMIT_DIRECTIVES_EXCEEDED',
    ],
  ])('%s: the limit passes and one more does not', (_name, within, beyond, code) => {
    expect([check(within), check(beyond)]).toEqual(['ok', code]);
  });

  test('`off` disables each', () => {
    const off = {
      LIMIT_DEPTH: 'off',
      LIMIT_INTROSPECTION_DEPTH: 'off',
      LIMIT_ALIASES: 'off',
      LIMIT_ROOT_FIELDS: 'off',
      LIMIT_DIRECTIVES: 'off',
      LIMIT_TOKENS: 'off',
    } as const;
    expect(check(`{ ${times(99, (n) => `a${String(n)}: f @x { ${nested(99)} }`)} }`, off)).toBe('ok');
  });

  test('the standard introspection query passes', async () => {
    const { getIntrospectionQuery } = await import('graphql');
    expect(
      check(
        getIntrospectionQuery({ inputValueDeprecation: true, specifiedByUrl: true, schemaDescription: true }),
      ),
    ).toBe('ok');
  });

  test('each operation of a document is measured by itself', () => {
    const { rootFields } = measureDocument(
      parse(
        `query A { ${times(20, (n) => `a${String(n)}`)} } query B { ${times(20, (n) => `a${String(n)}`)} }`,
      ),
    );
    expect(rootFields).toBe(20);
  });

  test('fragments that contain each other end, and are left to validation', () => {
    expect(
      check(
        '{ ...A } fragment A on T { f { ...B } } fragment B on T { f { ...A } } fragment C on T { ...C }',
      ),
    ).toBe('ok');
  });
});

describe('cost', () => {
  const schema = buildSchema(
    `
    schema @link(url: "https://specs.apollo.dev/cost/v0.1", import: ["@listSize", { name: "@cost", as: "@weight" }]) { query: Query mutation: Mutation }
    directive @link(url: String, import: [I]) repeatable on SCHEMA
    scalar I
    directive @weight(weight: Int!) on FIELD_DEFINITION | OBJECT | SCALAR | ENUM | ARGUMENT_DEFINITION | INPUT_FIELD_DEFINITION
    directive @listSize(assumedSize: Int, slicingArguments: [String!], sizedFields: [String!], requireOneSlicingArgument: Boolean = true) on FIELD_DEFINITION
    type Query {
      one: Item
      many(first: Int = 7): [Item!]! @listSize(slicingArguments: ["first"], assumedSize: 100)
      fixed: [Item] @listSize(assumedSize: 100)
      plain: [Item]
      nested: [[Item!]!]!
      unsized: Connection @listSize(sizedFields: ["edges"])
      connection(first: Int, last: Int): Connection @listSize(slicingArguments: ["first", "last"], sizedFields: ["edges"], assumedSize: 50)
      heavy: Int @weight(weight: 500)
      search(filter: Filter, text: String @weight(weight: 40)): Item
    }
    type Mutation { change: Item }
    type Item @weight(weight: 2) { id: ID heavy: Heavy child: Item children: [Item] @listSize(assumedSize: 10) }
    type Connection { edges: [Edge] total: Int }
    type Edge { node: Item }
    scalar Heavy @weight(weight: 3)
    input Filter { deep: Filter expensive: Int @weight(weight: 9) all: [Filter] }
  `,
    { assumeValidSDL: true },
  );

  const costs = (document: string, limit: number, variables: Record<string, unknown> = {}): string => {
    const ast = parse(document);
    const operation = getOperationAST(ast);
    if (operation == null) throw new TypeError('no operation');
    return codeOf(() => {
      createDocumentLimits({ ...DEFAULTS, LIMIT_COST: limit }).checkOperation(
        ast,
        operation,
        variables,
        schema,
      );
    });
  };

  test.each<[string, number, Record<string, unknown>?]>([
    ['{ one { id } }', 2],
    ['{ one { heavy } }', 5],
    ['{ heavy }', 500],
    ['{ plain { id } }', 20],
    ['{ nested { id } }', 200],
    ['{ unsized { edges { node { id } } } }', 1 + 10 * 3],
    ['{ fixed { id } }', 200],
    ['{ fixed { children { id } } }', 100 * (2 + 10 * 2)],
    ['{ many(first: 5) { id } }', 10],
    ['{ many { id } }', 14],
    ['{ many(first: -5) { id } }', 200],
    ['query ($n: Int) { many(first: $n) { id } }', 60, { n: 30 }],
    ['query ($n: Int = 4) { many(first: $n) { id } }', 8],
    ['{ connection(first: 3) { edges { node { id } } total } }', 1 + 3 * (1 + 2)],
    ['{ connection(first: 3, last: 20) { edges { node { id } } } }', 1 + 20 * 3],
    ['{ connection { edges { node { id } } } }', 1 + 50 * 3],
    ['{ connection(first: 3) { ...C } } fragment C on Connection { edges { node { id } } }', 1 + 3 * 3],
    ['mutation { change { id } }', 12],
    ['{ search(text: "x") { id } }', 42],
    ['{ search(filter: { expensive: 1, deep: { expensive: 2 } }) { id } }', 2 + 1 + 9 + 1 + 9],
    [
      'query ($f: Filter) { search(filter: $f) { id } }',
      2 + 1 + 3 * 10,
      { f: { all: [{ expensive: 1 }, { expensive: 1 }, { expensive: 1 }] } },
    ],
    ['{ a: one { id } b: one { id } ... @include(if: false) { one { id } } }', 6],
    ['{ __schema { types { name } } __typename }', 0],
  ])('%s costs %i', (document, cost, variables = {}) => {
    expect(costs(document, cost, variables)).toBe('ok');
    if (cost > 0) expect(costs(document, cost - 1, variables)).toBe('LIMIT_COST_EXCEEDED');
  });

  test('one parsed document with other variables is weighed anew', () => {
    const ast = parse('query ($n: Int) { many(first: $n) { id } }');
    const operation = getOperationAST(ast);
    if (operation == null) throw new TypeError('no operation');
    const limits = createDocumentLimits({ ...DEFAULTS, LIMIT_COST: 100 });
    const ask = (n: number) =>
      codeOf(() => {
        limits.checkOperation(ast, operation, { n }, schema);
      });
    expect([ask(50), ask(51), ask(50)]).toEqual(['ok', 'LIMIT_COST_EXCEEDED', 'ok']);
  });
});
