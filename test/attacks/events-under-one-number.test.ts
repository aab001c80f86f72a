/** The attacker has the certificate of a service, and wants an event that did not happen to pass for one that did. */
import { expect, test } from '@jest/globals';
import { RepeatFinder } from '../../packages/audit-verifier/src/repeated-events.ts';
import { canonicalText } from '@aduana/client/audit/canonical';
import { verifyExport } from '../../packages/audit-verifier/src/index.ts';
import { postedEvent } from '../support/audit-events.ts';
import { writeExport } from '../support/exported-log.ts';

const of = (n: number, members: object = {}, source: object = {}): string =>
  canonicalText(
    postedEvent({ source: { peer: 'leads', instance: 'l', boot_id: 'z', n, ...source }, ...members }),
  );

async function verdictOf(...texts: readonly string[]) {
  const { verdict, problems } = await verifyExport(await writeExport(texts));
  return [verdict, ...problems];
}

test('two events of one number of a boot are reported as what they are', async () => {
  expect(await verdictOf(of(0), of(1), of(2), of(1))).toEqual([
    'INCOMPLETE',
    'leads l boot z has different events of number 1 (entries 1 and 3)',
  ]);
});

test('however many there are, a boot has one line', async () => {
  const texts = [0, 1, 2, 3, 1, 2, 3, 3].map((n) => of(n));
  expect(await verdictOf(...texts)).toEqual([
    'INCOMPLETE',
    'leads l boot z has different events of number 1 (entries 1 and 4), and of at least 2 more numbers',
  ]);
});

test('two events under one id of a peer are reported, whatever their boots and numbers', async () => {
  const { id } = postedEvent();
  expect(await verdictOf(of(0, { id }), of(0, { id }, { boot_id: 'y' }))).toEqual([
    'INCOMPLETE',
    `leads has different events of id ${String(id)} (entries 0 and 1)`,
  ]);
});

test.each([
  ['another boot', { boot_id: 'y' }],
  ['another instance', { instance: 'k' }],
  ['another peer', { peer: 'sts' }],
])('the numbers of %s are its own', async (_name, source) => {
  expect(await verdictOf(of(0), of(0, {}, source))).toEqual(['WHOLE']);
});

test('the same event twice hides nothing, and the id of another peer is its own', async () => {
  const [one, { id }] = [of(1), postedEvent()];
  expect(await verdictOf(of(0), one, one, one)).toEqual(['WHOLE']);
  expect(await verdictOf(of(0, { id }), of(0, { id }, { peer: 'sts' }))).toEqual(['WHOLE']);
});

test('of three events of one number two copies do not hide the third', async () => {
  const one = of(0);
  expect(await verdictOf(one, one, of(0))).toEqual([
    'INCOMPLETE',
    'leads l boot z has different events of number 0 (entries 0 and 2)',
  ]);
});

test('a number that was admitted as lost may come after all', async () => {
  const gap = { type: 'audit.gap', detail: { answered: false, count: 1, ranges: [[1, 1]] } };
  expect(await verdictOf(of(0), of(2, gap), of(1))).toEqual(['WHOLE']);
});

test('names of thousands of events are told apart', async () => {
  expect(await verdictOf(...Array.from({ length: 3_000 }, (_, n) => of(n)))).toEqual(['WHOLE']);
});

test('where more may be repeated than is compared, the verdict says so', () => {
  const finder = new RepeatFinder(new Set(Array.from({ length: 100_000 }, (_, n) => n)));
  expect(finder.findings()).toEqual({ repeated: [], isCut: true });
  expect(new RepeatFinder(new Set([1])).findings().isCut).toBe(false);
});
