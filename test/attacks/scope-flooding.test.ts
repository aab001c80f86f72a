import { compile } from '@aduana/server-kit/iam/compile';
import { loadPolicies } from '@aduana/server-kit/iam/load-policies';
import { expect, test } from '@jest/globals';
import { parseScope } from '../../subgraphs/sts/forms/token-form.ts';
import { narrowScope } from '../../subgraphs/sts/token/narrow-scope.ts';

test('a client that asks for made-up scopes by the thousand leaves none of them in memory', async () => {
  const engine = compile(await loadPolicies('policies'));
  const ask = (asked: readonly string[]) =>
    narrowScope({ roles: ['bff'], within: undefined, asked, audience: 'gateway' }, engine);
  const many = ['leads:read', ...Array.from({ length: 5_000 }, (_, n) => `made:up:${String(n)}`)];
  expect(ask(many)).toEqual(ask(['leads:read']));
  expect(ask(many)).not.toBe(ask(many));
  expect(ask(['leads:read'])).toBe(ask(['leads:read']));
});

test('a list of scopes that is longer than any token has is refused before it is split', () => {
  expect(parseScope('a '.repeat(8192))).toEqual(['a']);
  expect(() => parseScope('a '.repeat(8193))).toThrow('The requested scope is not available');
});
