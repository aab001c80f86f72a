import { expect, test } from '@jest/globals';
import { cpuMilliseconds } from '../support/cpu-milliseconds.ts';
import { createDocumentCheck, type DocumentVerdict } from '../support/document-check.ts';
import { openGuardedFederation } from '../support/guarded-federation.ts';

const { supergraph } = openGuardedFederation({
  one: { sdl: 'type Query { a: Query b: Int c: Int d: Query n(i: Int): Int }', resolvers: {} },
});
const check = createDocumentCheck(supergraph);
const many = (count: number, text: (n: number) => string): string =>
  Array.from({ length: count }, (_, n) => text(n)).join(' ');

const COSTLY: readonly (readonly [string, string])[] = [
  ['one field', `{ a { ${many(1900, () => 'b')} } }`],
  ['one field with fields', `{ a { ${many(900, () => 'a{b}')} } }`],
  ['within what is repeated', `{ a { ${many(30, () => `a{${many(30, () => 'd{b}')}}`)} } }`],
  ['at three levels', `{ a { ${many(10, () => `a{${many(10, () => `a{${many(8, () => 'a{b}')}}`)}}`)} } }`],
  ['under an alias', `{ a { ${many(29, () => 'x:a{b}')} ${many(800, () => 'a{b}')} } }`],
  ['in inline fragments', `{ a { ${many(500, () => '...{a{b}}')} } }`],
  ['in fragments', `{ a { ${many(400, (n) => `...F${String(n)}`)} } } ${many(400, (n) => `fragment F${String(n)} on Query{b}`)}`],
  ['in fragments below what is repeated', `{ a { ${many(60, () => `a{b ${many(25, (n) => `...F${String(n)}`)}}`)} } } ${many(25, (n) => `fragment F${String(n)} on Query{b}`)}`],
  ['in a fragment that nothing uses', `{ a { b } } fragment F on Query { ${many(970, () => 'a{b}')} }`],
  ['in fragments of one that nothing uses', `{ a { b } } fragment F on Query { ${many(60, () => `a{b ${many(25, (n) => `...F${String(n)}`)}}`)} } ${many(25, (n) => `fragment F${String(n)} on Query{b}`)}`],
  ['in fragments of fragments', `{ a { ...F0 } } ${many(250, (n) => `fragment F${String(n)} on Query{a{b} ...F${String(n + 1)}}`)} fragment F250 on Query{b}`],
]; // prettier-ignore

test.each(COSTLY)('what repeats a response key too often is refused before it is validated: %s', async (_name, document) => {
  let verdict: DocumentVerdict = { code: '' };
  expect(await cpuMilliseconds(() => (verdict = check(document)))).toBeLessThan(150);
  expect(['LIMIT_REPETITION_EXCEEDED', 'LIMIT_TOKENS_EXCEEDED', 'LIMIT_DEPTH_EXCEEDED']).toContain(verdict.code);
  expect(verdict.status).toBe(400);
}); // prettier-ignore

test('fragments that double are measured in no time, whatever the limit of tokens', async () => {
  const unlimited = createDocumentCheck(supergraph, { LIMIT_TOKENS: 'off', LIMIT_DEPTH: 'off', LIMIT_ALIASES: 'off' });
  const doubling = `{ ...F0 } ${many(60, (n) => `fragment F${String(n)} on Query { a { ...F${String(n + 1)} } d { ...F${String(n + 1)} } }`)} fragment F60 on Query { b }`;
  let verdict: DocumentVerdict = { code: '' };
  expect(await cpuMilliseconds(() => (verdict = unlimited(doubling)))).toBeLessThan(500);
  expect(verdict).toEqual({ code: 'LIMIT_REPETITION_EXCEEDED', status: 400 });
}); // prettier-ignore

test('a fragment within itself is left to validation', () => {
  expect(check('{ ...F } fragment F on Query { a { ...F } }').code).toBe('GRAPHQL_VALIDATION_FAILED');
  expect(check('{ a { ...F } } fragment F on Query { ...G a { ...F } } fragment G on Query { ...F }').code).toBe('GRAPHQL_VALIDATION_FAILED');
}); // prettier-ignore

test('a page of fifty fragments that name the same fields is taken', () => {
  const page = `{ a { ${many(50, (n) => `...Part${String(n)}`)} } } ${many(50, (n) => `fragment Part${String(n)} on Query { __typename b c a { b c } }`)}`;
  expect(check(page)).toEqual({ code: 'VALID' });
  expect(check(`{ a { ${many(150, () => 'b')} } }`)).toEqual({ code: 'VALID' });
}); // prettier-ignore
