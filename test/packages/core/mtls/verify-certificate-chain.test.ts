import { X509Certificate } from 'node:crypto';
import { beforeAll, expect, test } from '@jest/globals';
import { pathProblem } from '@aduana/core/mtls/verify-certificate-chain';
import { createTestCa, type TestCa } from '../../../support/test-ca.ts';

const DAY = 86_400_000;
let ca: TestCa;
let leaf: X509Certificate;
let intermediate: X509Certificate;

beforeAll(async () => {
  ca = await createTestCa();
  const [first, second] = (await ca.issueOverIntermediate('leads')).chain;
  leaf = new X509Certificate(first ?? '');
  intermediate = new X509Certificate(second ?? '');
});

function trusting(...authorities: TestCa[]): { authorities: Buffer[]; now: number } {
  return { authorities: authorities.map(({ cert }) => new X509Certificate(cert).raw), now: Date.now() };
}

test('a path is found whatever else was shown, in whatever order', async () => {
  const foreign = new X509Certificate((await createTestCa({ name: 'Foreign' })).cert);
  for (const shown of [[intermediate], [foreign, intermediate], [intermediate, foreign]])
    expect(pathProblem(leaf, shown, trusting(ca))).toBeUndefined();
});

test('there is none without the intermediate, or without its CA', async () => {
  const other = await createTestCa({ name: 'Other' });
  expect(pathProblem(leaf, [], trusting(ca))).toMatch(/not signed by a trusted CA/);
  expect(pathProblem(leaf, [intermediate], trusting(other))).toMatch(/not signed by a trusted CA/);
});

test('a CA whose time is over vouches for nobody', () => {
  const later = { ...trusting(ca), now: Date.now() + 4000 * DAY };
  expect(pathProblem(leaf, [intermediate], later)).toMatch(/outside its validity/);
});
