import { expect, test } from '@jest/globals';
import { buildSchema, getOperationAST, parse } from 'graphql';
import { loadConfig } from '@aduana/server-kit/config/load-config';
import { GATEWAY_SETTINGS } from '../../gateway/config.ts';
import { createDocumentLimits } from '../../gateway/limits/document-limits.ts';

const schema = buildSchema(`
  directive @cost(weight: Int!) on ARGUMENT_DEFINITION | INPUT_FIELD_DEFINITION | INPUT_OBJECT
  input Filter { number: Int dear: Int @cost(weight: 2) all: [Filter!] free: Free }
  input Free @cost(weight: 0) { free: [Free!] }
  type Query { item(ids: [Int!], filters: [Filter!], filter: Filter, free: [Free!], flat: [Filter!] @cost(weight: 3)): Query id: ID }
`);

/** A list that counts how often one of its elements is looked at. */
function watch(count: number, element: unknown): { readonly list: readonly unknown[]; looks: number } {
  const elements = Array.from({ length: count }, () => element);
  const watched = { list: elements, looks: 0 };
  watched.list = new Proxy(elements, {
    get(target, name, receiver) {
      if (typeof name === 'string' && /^\d+$/.test(name)) watched.looks += 1;
      return Reflect.get(target, name, receiver) as unknown;
    },
  });
  return watched;
}

/** What became of an operation that uses the variable `$x` in 130 fields. */
function ask(type: string, argument: string, x: unknown, limit = 50_000): string {
  const limits = createDocumentLimits(loadConfig(GATEWAY_SETTINGS, { LIMIT_COST: String(limit) }));
  const document = parse(`query ($x: ${type}) { item { ${`item(${argument}) { id } `.repeat(130)} } }`);
  const operation = getOperationAST(document);
  if (operation === null || operation === undefined) throw new TypeError('no operation');
  try {
    limits.checkOperation(document, operation, { x }, schema);
    return 'ok';
  } catch (error) {
    return String((error as { code?: unknown }).code);
  }
}

test('a list of what weighs nothing is not looked at, however many fields use it', () => {
  const numbers = watch(2_000, 1);
  expect(ask('[Int!]', 'ids: $x', numbers.list)).toBe('ok');
  expect(numbers.looks).toBe(0);
});

test('neither is one whose argument always weighs the same', () => {
  const filters = watch(2_000, {});
  expect(ask('[Filter!]', 'flat: $x', filters.list)).toBe('ok');
  expect(filters.looks).toBe(0);
});

test.each([
  ['an argument', '[Filter!]', 'filters: $x', { number: 1 }],
  ['a member of an argument', '[Filter!]', 'filter: { all: $x }', { dear: 1 }],
  ['objects that weigh nothing', '[Free!]', 'free: $x', {}],
])('a list is looked at once and weighs in each field that uses it: %s', (_name, type, argument, element) => {
  const few = watch(100, element);
  expect(ask(type, argument, few.list)).toBe('ok');
  expect(few.looks).toBe(100);
  const more = watch(1_000, element);
  expect(ask(type, argument, more.list)).toBe(type === '[Free!]' ? 'ok' : 'LIMIT_COST_EXCEEDED');
  expect(more.looks).toBe(1_000);
});

test('nothing more of it is looked at once it weighs too much', () => {
  const nested = watch(2_000, { all: [{}, {}, {}] });
  expect(ask('[Filter!]', 'filters: $x', nested.list, 1_000)).toBe('LIMIT_COST_EXCEEDED');
  expect(nested.looks).toBeLessThan(300);
});
