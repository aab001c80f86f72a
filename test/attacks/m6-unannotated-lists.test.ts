import { expect, test } from '@jest/globals';
import { loadConfig } from '@aduana/server-kit/config/load-config';
import { buildSchema, getOperationAST, parse } from 'graphql';
import { GATEWAY_SETTINGS } from '../../gateway/config.ts';
import { createDocumentLimits } from '../../gateway/limits/document-limits.ts';

const schema = buildSchema(`
  directive @listSize(assumedSize: Int, slicingArguments: [String!], sizedFields: [String!]) on FIELD_DEFINITION
  type Query { leads: [Lead!]! matrix: [[[[[Lead]]]]] page: Page @listSize(sizedFields: ["leads"]) first(n: Int): [Lead] @listSize(slicingArguments: ["n"]) }
  type Page { leads: [Lead] }
  type Lead { campaign: Campaign leads: [Lead!]! }
  type Campaign { leads: [Lead!] }
`);

function verdict(
  text: string,
  variables: Readonly<Record<string, unknown>> = {},
  environment: Readonly<Record<string, string>> = {},
): string {
  const document = parse(text);
  const operation = getOperationAST(document);
  if (operation === null || operation === undefined) throw new TypeError('no operation');
  try {
    createDocumentLimits(loadConfig(GATEWAY_SETTINGS, environment)).checkOperation(document, operation, variables, schema);
    return 'ok';
  } catch (error) {
    return String((error as { code?: unknown }).code);
  }
} // prettier-ignore

const nest = (field: string, levels: number): string =>
  `{ ${`${field} { `.repeat(levels)}__typename${' }'.repeat(levels)} }`;

test('lists of which nothing is said multiply', () => {
  expect(verdict(nest('leads', 4))).toBe('ok');
  expect(verdict(nest('leads', 6))).toBe('LIMIT_COST_EXCEEDED');
  expect(verdict(`{ ${'leads { campaign { '.repeat(6)}__typename${' } }'.repeat(6)} }`)).toBe('LIMIT_COST_EXCEEDED');
  expect(verdict('{ matrix { __typename } }')).toBe('LIMIT_COST_EXCEEDED');
  expect(verdict('{ page { leads { leads { leads { leads { leads { __typename } } } } } } }')).toBe('LIMIT_COST_EXCEEDED');
  expect(verdict('{ first { leads { leads { leads { leads { __typename } } } } } }')).toBe('LIMIT_COST_EXCEEDED');
}); // prettier-ignore

test('the assumed size can be set', () => {
  expect(verdict(nest('leads', 6), {}, { LIST_SIZE: '2' })).toBe('ok');
  expect(verdict(nest('leads', 3), {}, { LIST_SIZE: '100' })).toBe('LIMIT_COST_EXCEEDED');
});

test.each(['__proto__', 'constructor', 'hasOwnProperty', 'toString', 'valueOf'])(
  'a variable named %s is as costly as any other',
  (name) => {
    const costly = `query ($${name}: Int = 100000) { first(n: $${name}) { __typename } }`;
    expect(verdict(costly)).toBe('LIMIT_COST_EXCEEDED');
    const sent = JSON.parse(`{"${name}":100000}`) as Record<string, unknown>;
    expect(verdict(costly.replace(' = 100000', ''), sent)).toBe('LIMIT_COST_EXCEEDED');
    expect(verdict(`query ($${name}: Int = 100000, $n: Int) { first(n: $n) { leads { leads { campaign { __typename } } } } }`, { n: 1000 })).toBe('LIMIT_COST_EXCEEDED');
  },
); // prettier-ignore
