import { expect, test } from '@jest/globals';
import { parse } from 'graphql';
import { GATEWAY_SETTINGS } from '../../gateway/config.ts';
import { createDocumentLimits } from '../../gateway/limits/document-limits.ts';
import { loadConfig } from '@aduana/server-kit/config/load-config';
import { cpuMilliseconds } from '../support/cpu-milliseconds.ts';

const limits = createDocumentLimits(loadConfig(GATEWAY_SETTINGS, {}));
const repeat = (count: number, text: (n: number) => string): string =>
  Array.from({ length: count }, (_, n) => text(n)).join(' ');
const check = (document: string) => () => {
  limits.checkDocument(parse(document));
};
const refusal = (code: string): unknown => expect.objectContaining({ code, status: 400 });

test('fragments that double a hundred times are measured in no time and refused', async () => {
  const bomb = `{ ...F0 } ${repeat(100, (n) => `fragment F${String(n)} on Query { ...F${String(n + 1)} ...F${String(n + 1)} }`)} fragment F100 on Query { a }`;
  const below = `{ q { ...F0 } } ${repeat(100, (n) => `fragment F${String(n)} on Q { ...F${String(n + 1)} ...F${String(n + 1)} }`)} fragment F100 on Q { a }`;
  const spent = await cpuMilliseconds(() => {
    expect(check(bomb)).toThrow(refusal('LIMIT_ROOT_FIELDS_EXCEEDED'));
    expect(check(below)).toThrow(refusal('LIMIT_TOKENS_EXCEEDED'));
  });
  expect(spent).toBeLessThan(500);
});

test('aliases in a fragment count wherever it is spread', () => {
  expect(
    check(
      `{ a { ...F } b { ...F } c { ...F } d { ...F } } fragment F on T { ${repeat(8, (n) => `x${String(n)}: f`)} }`,
    ),
  ).toThrow(refusal('LIMIT_ALIASES_EXCEEDED'));
});

test('one field asked for under many names is refused', () => {
  expect(check(`mutation { ${repeat(31, (n) => `a${String(n)}: login`)} }`)).toThrow();
  expect(check(`{ q { ${repeat(31, (n) => `a${String(n)}: f`)} } }`)).toThrow(
    refusal('LIMIT_ALIASES_EXCEEDED'),
  );
});

test('directives without number on one field, a fragment, a variable or the operation are refused', () => {
  const many = '@include(if: true) '.repeat(51);
  for (const document of [
    `{ f ${many} }`,
    `{ ... ${many} { f } }`,
    `{ ...F ${many} } fragment F on Query { f }`,
    `query ${many} { f }`,
    `query ($v: Int ${many}) { f }`,
    `{ ...F } fragment F on Query ${many} { f }`,
  ])
    expect(check(document)).toThrow(refusal('LIMIT_DIRECTIVES_EXCEEDED'));
});

test('depth that is hidden in fragments, or that begins under introspection, is refused', () => {
  const chain = repeat(16, (n) => `fragment F${String(n)} on T { f { ...F${String(n + 1)} } }`);
  expect(check(`{ ...F0 } ${chain} fragment F16 on T { leaf }`)).toThrow(refusal('LIMIT_DEPTH_EXCEEDED'));
  const types = `${'ofType { '.repeat(30)}name${' }'.repeat(30)}`;
  expect(check(`{ __schema { types { ${types} } } }`)).toThrow(refusal('LIMIT_DEPTH_EXCEEDED'));
  expect(check(`{ a: __type(name: "X") { ${types} } }`)).toThrow(refusal('LIMIT_DEPTH_EXCEEDED'));
});

test('names of the prototype are names like others', () => {
  expect(
    check(
      '{ __proto__: f constructor: f ...toString ... on hasOwnProperty { valueOf } } fragment toString on Query { __proto__: g }',
    ),
  ).not.toThrow();
});
