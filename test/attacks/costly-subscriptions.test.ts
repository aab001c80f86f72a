import { expect, test } from '@jest/globals';
import { loadConfig } from '@aduana/server-kit/config/load-config';
import { buildSchema, getOperationAST, parse } from 'graphql';
import { GATEWAY_SETTINGS } from '../../gateway/config.ts';
import { createDocumentLimits } from '../../gateway/limits/document-limits.ts';

const schema = buildSchema(`
  directive @listSize(assumedSize: Int, slicingArguments: [String!], sizedFields: [String!]) on FIELD_DEFINITION
  type Query { lead: Lead first(n: Int = 5): [Lead] @listSize(slicingArguments: ["n"]) }
  type Mutation { change: Lead }
  type Subscription { leadChanged(id: ID): Lead! }
  type Lead { leads: [Lead!]! }
`);

function verdict(text: string): string {
  const document = parse(text);
  const operation = getOperationAST(document);
  if (operation === null || operation === undefined) throw new TypeError('no operation');
  try {
    createDocumentLimits(loadConfig(GATEWAY_SETTINGS, {})).checkOperation(document, operation, {}, schema);
    return 'ok';
  } catch (error) {
    return String((error as { code?: unknown }).code);
  }
}

// The attacker: a caller who may not ask for so much at once, and has each event of a stream ask for it instead.
test.each([
  ['query', 'lead'],
  ['mutation', 'change'],
  ['subscription', 'leadChanged'],
])('a %s is as costly as what lies below its field', (kind, field) => {
  const nest = (levels: number): string => `${'leads { '.repeat(levels)}__typename${' }'.repeat(levels)}`;
  expect(verdict(`${kind} { ${field} { ${nest(3)} } }`)).toBe('ok');
  expect(verdict(`${kind} { ${field} { ${nest(6)} } }`)).toBe('LIMIT_COST_EXCEEDED');
});

test('a list of less than nothing is as long as one of which nothing is said', () => {
  const nest = `${'leads { '.repeat(4)}__typename${' }'.repeat(4)}`;
  expect(verdict(`{ first(n: 1) { ${nest} } }`)).toBe('ok');
  expect(verdict(`{ first(n: -1) { ${nest} } }`)).toBe('LIMIT_COST_EXCEEDED');
});
