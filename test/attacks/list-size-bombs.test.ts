import { expect, test } from '@jest/globals';
import { composeServices } from '@apollo/composition';
import { getOperationAST, parse } from 'graphql';
import { loadConfig } from '@aduana/server-kit/config/load-config';
import { GATEWAY_SETTINGS } from '../../gateway/config.ts';
import { createDocumentLimits } from '../../gateway/limits/document-limits.ts';
import { loadSupergraph } from '../../gateway/supergraph/load-supergraph.ts';

const SDL = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", { name: "@cost", as: "@price" }, "@listSize"])
  type Query {
    users(first: Int): [User!]! @listSize(slicingArguments: ["first"], assumedSize: 50)
    page(first: Int!): Page @listSize(slicingArguments: ["first"], sizedFields: ["items"])
    report: String @price(weight: 20000)
  }
  type Page { items: [User!]! }
  type User { friends(first: Int): [User!]! @listSize(slicingArguments: ["first"], assumedSize: 50) name: String }`;

const { supergraphSdl = '' } = composeServices([{ name: 'one', url: 'https://one/', typeDefs: parse(SDL) }]);
const { supergraphSchema } = loadSupergraph(supergraphSdl);
const limits = createDocumentLimits(loadConfig(GATEWAY_SETTINGS, { LIMIT_COST: '10000' }));

const run =
  (text: string, variables: Record<string, unknown> = {}) =>
  () => {
    const document = parse(text);
    const operation = getOperationAST(document);
    if (operation === null || operation === undefined) throw new TypeError('no operation');
    limits.checkOperation(document, operation, variables, supergraphSchema);
  };
const tooCostly: unknown = expect.objectContaining({ code: 'LIMIT_COST_EXCEEDED', status: 400 });

test('lists within lists multiply, by literal, by variable, by default and by assumption', () => {
  expect(run('{ users(first: 10) { friends(first: 10) { name } } }')).not.toThrow();
  expect(run('{ users(first: 200) { friends(first: 200) { name } } }')).toThrow(tooCostly);
  expect(run('query ($n: Int) { users(first: $n) { friends(first: $n) { name } } }', { n: 200 })).toThrow(
    tooCostly,
  );
  expect(run('query ($n: Int = 200) { users(first: $n) { friends(first: $n) { name } } }')).toThrow(
    tooCostly,
  );
  expect(run('{ users { friends { friends { name } } } }')).toThrow(tooCostly);
});

test('a connection multiplies what its sized fields hold', () => {
  expect(run('{ page(first: 100) { items { name } } }')).not.toThrow();
  expect(run('{ page(first: 20000) { items { name } } }')).toThrow(tooCostly);
  expect(run('{ page(first: 20000) { ...P } } fragment P on Page { items { name } }')).toThrow(tooCostly);
});

test('null is what the subgraph gets, and asks for as many as are not known', () => {
  const levels = (size: string) =>
    `{ users(first: ${size}) { friends(first: ${size}) { friends(first: ${size}) { name } } } }`;
  expect(run(levels('5'))).not.toThrow();
  expect(run(levels('null'))).toThrow(tooCostly);
  expect(run(`query ($n: Int = 5) ${levels('$n')}`, { n: null })).toThrow(tooCostly);
  expect(run(`query ($n: Int = 5) ${levels('$n')}`)).not.toThrow();
});

test('nothing takes nothing away from what is below it', () => {
  expect(run('{ users(first: 0) { friends(first: 20000) { name } } }')).toThrow(tooCostly);
});

test('a negative size takes nothing away from what the rest costs', () => {
  expect(run('{ users(first: -100000) { name } report }')).toThrow(tooCostly);
});

test('a renamed @cost weighs as much, and a condition does not make it cheaper', () => {
  expect(run('{ report }')).toThrow(tooCostly);
  expect(run('query ($no: Boolean = false) { report @include(if: $no) }')).toThrow(tooCostly);
});

test('a field under many fragments costs each time', () => {
  const spread = Array.from(
    { length: 30 },
    (_, n) => `a${String(n)}: users(first: 90) { friends(first: 4) { ...U } }`,
  ).join(' ');
  expect(run(`{ ${spread} } fragment U on User { name }`)).toThrow(tooCostly);
});
