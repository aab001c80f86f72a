import { expect, test } from '@jest/globals';
import { readGraphqlRequests } from '../../gateway/http/graphql-request.ts';
import { createDocumentCheck } from '../support/document-check.ts';
import { openGuardedFederation } from '../support/guarded-federation.ts';
import { createServiceRequest } from '../support/service-request.ts';

const { supergraph } = openGuardedFederation({
  one: {
    sdl: 'scalar JSON input Nest { in: Nest } type Query { a(json: JSON, list: [Int], nest: Nest): Query leaf: Int }',
    resolvers: {},
  },
});
const nest = (open: string, close: string, levels: number, inside: string): string =>
  open.repeat(levels) + inside + close.repeat(levels);
const DEEP: readonly (readonly [string, string])[] = [
  ['a list', `{ a(json: ${nest('[', ']', 3000, '1')}) { leaf } }`],
  ['a list that does not end', `{ a(json: ${'['.repeat(3900)}`],
  ['a list where numbers belong', `{ a(list: ${nest('[', ']', 3000, '1')}) { leaf } }`],
  ['an object', `{ a(json: ${nest('{a:', '}', 1200, '1')}) { leaf } }`],
  ['an input object', `{ a(nest: ${nest('{in:', '}', 1200, 'null')}) { leaf } }`],
  ['a default value', `query ($v: JSON = ${nest('[', ']', 1900, '1')}) { a(json: $v) { leaf } }`],
  ['the type of a variable', `query ($v: ${nest('[', ']', 1900, 'Int')}) { a(json: $v) { leaf } }`],
  ['the argument of a directive', `{ leaf @skip(if: ${nest('[', ']', 1900, 'true')}) }`],
  ['selections', nest('{a', '}', 1900, '{leaf}')],
  ['selections that do not end', '{'.repeat(3900)],
  ['inline fragments', `{${nest('...{', '}', 1200, 'leaf')}}`],
  ['fragments', `{...F0} ${Array.from({ length: 400 }, (_, n) => `fragment F${String(n)} on Query {...F${String(n + 1)}}`).join(' ')} fragment F400 on Query {leaf}`],
]; // prettier-ignore

test.each(DEEP)('a document that nests too deeply is refused with a code: %s', (_name, document) => {
  expect(createDocumentCheck(supergraph)(document)).toEqual({ code: 'LIMIT_DEPTH_EXCEEDED', status: 400 });
});

test.each(DEEP)('also where no other limit is set: %s', (_name, document) => {
  const check = createDocumentCheck(supergraph, {
    LIMIT_TOKENS: 'off', LIMIT_DEPTH: 'off', LIMIT_DIRECTIVES: 'off', LIMIT_ALIASES: 'off', LIMIT_COST: 'off',
  }); // prettier-ignore
  const longer = document.replaceAll(/(\[|\{|\.\.\.\{)\1+/g, (opens) => opens.repeat(20));
  expect(check(longer)).toEqual({ code: 'LIMIT_DEPTH_EXCEEDED', status: 400 });
});

test('a literal of usual depth is taken', () => {
  const check = createDocumentCheck(supergraph);
  expect(check(`{ a(json: ${nest('[', ']', 50, '1')}) { leaf } }`)).toEqual({ code: 'VALID' });
  expect(check(`{ a(json: ${nest('{a:', '}', 50, '[1]')}) { leaf } }`)).toEqual({ code: 'VALID' });
});

const BODIES: readonly (readonly [string, string])[] = [
  ['lists', `{"query":"{a}","variables":{"v":${nest('[', ']', 100_000, '1')}}}`],
  ['objects', `{"query":"{a}","variables":{"v":${nest('{"a":', '}', 100_000, '1')}}}`],
  ['objects named as the prototype', `{"query":"{a}","variables":{"v":${nest('{"__proto__":', '}', 50_000, '1')}}}`],
]; // prettier-ignore

test.each(BODIES)('variables that nest too deeply are refused with a code: %s', (_name, body) => {
  const request = createServiceRequest({ headers: { 'content-type': 'application/json' } });
  const read = (text: string) => () =>
    readGraphqlRequests(request, Buffer.from(text), { batch: 10, values: 'off' });
  const refusal: unknown = expect.objectContaining({ code: 'LIMIT_DEPTH_EXCEEDED', status: 400 });
  expect(read(body)).toThrow(refusal);
  expect(read(`[${body}]`)).toThrow(refusal);
  expect(read(`{"query":"{a}","variables":{"v":${nest('[', ']', 100, '1')}}}`)).not.toThrow();
});
