import { expect, test } from '@jest/globals';
import { cpuMilliseconds } from '../support/cpu-milliseconds.ts';
import { createDocumentCheck, type DocumentVerdict } from '../support/document-check.ts';
import { openGuardedFederation } from '../support/guarded-federation.ts';

const { supergraph } = openGuardedFederation({
  one: {
    sdl: `
      type Query { leads(first: Int, stage: Stage, filter: Filter): [Lead!]! a: Query }
      type Lead { company: String email: String }
      input Filter { stage: Stage company: String }
      enum Stage { WON LOST }`,
    resolvers: {},
  },
});
const check = createDocumentCheck(supergraph);
const SIZE = 1_000_000;
const CPU_MS = 1_500;
const fill = (text: string): string => text.repeat(Math.ceil(SIZE / text.length)).slice(0, SIZE);

const DOCUMENTS: readonly (readonly [string, string, string])[] = [
  ['a string of suggestions', `{ leads(first: "${fill('Did you mean ')}") { company } }`, 'GRAPHQL_VALIDATION_FAILED'],
  ['a string of halves of suggestions', `{ leads(first: "${fill(' Did you mean')}?") { company } }`, 'GRAPHQL_VALIDATION_FAILED'],
  ['a long name of a field', `{ leads { ${fill('company')} } }`, 'GRAPHQL_VALIDATION_FAILED'],
  ['a long name of a type', `{ ... on ${fill('Lead')} { company } }`, 'GRAPHQL_VALIDATION_FAILED'],
  ['a long name of an argument', `{ leads(${fill('first')}: 1) { company } }`, 'GRAPHQL_VALIDATION_FAILED'],
  ['a long enum value', `{ leads(stage: ${fill('WON')}) { company } }`, 'GRAPHQL_VALIDATION_FAILED'],
  ['a long name of an input field', `{ leads(filter: { ${fill('stage')}: WON }) { company } }`, 'GRAPHQL_VALIDATION_FAILED'],
  ['a long number', `{ leads(first: ${fill('9')}) { company } }`, 'GRAPHQL_VALIDATION_FAILED'],
  ['a long directive', `{ leads @${fill('skip')} { company } }`, 'GRAPHQL_VALIDATION_FAILED'],
  ['a block string of quotes', `{ leads(first: """${fill('\\""" ')}""") { company } }`, 'GRAPHQL_VALIDATION_FAILED'],
  ['a block string of blank lines', `{ leads(first: """${fill(' \n')}""") { company } }`, 'GRAPHQL_VALIDATION_FAILED'],
  ['a string that does not end', `{ leads(first: "${fill('Did you mean ')}`, 'GRAPHQL_PARSE_FAILED'],
  ['a string where a name must be', `{ "${fill('Did you mean ')}" }`, 'GRAPHQL_PARSE_FAILED'],
  ['twenty errors behind a million lines', `${fill('\n')}{ a { ${'nothing '.repeat(100)} } }`, 'GRAPHQL_VALIDATION_FAILED'],
  ['twenty errors behind half a million lines of Windows', `${fill('\r\n')}{ a { ${'nothing '.repeat(100)} } }`, 'GRAPHQL_VALIDATION_FAILED'],
  ['a conflict of many nodes behind a million lines', `${fill('\n')}{ ${Array.from({ length: 14 }, (_, n) => `x: a { a${String(n)}: a { a { a { __typename } } } }`).join(' ')} x: leads { company } }`, 'GRAPHQL_VALIDATION_FAILED'],
  ['nothing but comments', fill('# Did you mean?\n'), 'GRAPHQL_PARSE_FAILED'],
  ['nothing but commas', fill(','), 'GRAPHQL_PARSE_FAILED'],
  ['a long operation name', `query ${fill('Leads')} { nothing }`, 'GRAPHQL_VALIDATION_FAILED'],
]; // prettier-ignore

test.each(DOCUMENTS)('a document of 1 MB takes linear work: %s', async (_name, document, code) => {
  let verdict: DocumentVerdict = { code: '' };
  expect(await cpuMilliseconds(() => (verdict = check(document)))).toBeLessThan(CPU_MS);
  expect(verdict).toMatchObject({ code, status: 400 });
  for (const message of verdict.messages ?? []) expect(message.length).toBeLessThan(400);
  expect(verdict.messages?.join(' ')).not.toContain('Did you mean');
});

const LINES = fill('\n');
const VARIABLES: readonly (readonly [string, string, Readonly<Record<string, unknown>>])[] = [
  ['a long text for a number', 'query ($first: Int) { leads(first: $first) { company } }', { first: fill('Did you mean ') }],
  ['a long enum value', 'query ($stage: Stage) { leads(stage: $stage) { company } }', { stage: fill('WON') }],
  ['ten bad ones behind a million lines', `${LINES}query (${Array.from({ length: 30 }, (_, n) => `$v${String(n)}: Int!`).join(' ')}) { ${Array.from({ length: 10 }, (_, n) => `a${String(n)}: leads(first: $v${String(n)}) { company }`).join(' ')} a { b: leads(first: $v10) { company } ${Array.from({ length: 19 }, (_, n) => `c${String(n)}: leads(first: $v${String(n + 11)}) { company }`).join(' ')} } }`, {}],
]; // prettier-ignore

test.each(VARIABLES)('variables of 1 MB take linear work: %s', async (_name, document, variables) => {
  let verdict: DocumentVerdict = { code: '' };
  expect(await cpuMilliseconds(() => (verdict = check(document, variables)))).toBeLessThan(CPU_MS);
  expect(verdict).toMatchObject({ code: 'BAD_USER_INPUT', status: 400 });
  for (const message of verdict.messages ?? []) expect(message.length).toBeLessThan(400);
});

test('what a client wrote cannot choose the code by the words of a message', () => {
  expect(check('{ "Parsing aborted" }')).toMatchObject({ code: 'GRAPHQL_PARSE_FAILED' });
  const told = check('query ($first: Int!) { leads(first: $first) { company } }', {
    first: 'was not provided',
  });
  expect(told.messages).toEqual(['Variable "$first" got an invalid value.']);
});
