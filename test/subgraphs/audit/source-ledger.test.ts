import { describe, expect, test } from '@jest/globals';
import { EventLedger } from '@aduana/audit-verifier/event-ledger';
import { type LedgerSnapshot, SourceLedger } from '../../../subgraphs/audit/checkpoints/source-ledger.ts';
import { createSeededRandom } from '../../support/seeded-random.ts';

function eventOf(n: number, members: object = {}) {
  return {
    id: String(n),
    time: '2026-01-01T00:00:00.000Z',
    type: 'request',
    source: { peer: 'leads', instance: 'i', boot_id: 'b', n },
    ...members,
  };
}
const gapOf = (n: number, ranges: unknown) => eventOf(n, { type: 'audit.gap', detail: { count: 1, ranges } });

/** What the service and the offline verifier find missing: they share no code. */
function missingOf(events: readonly ReturnType<typeof eventOf>[], beginsLate = false) {
  const ledger = beginsLate ? SourceLedger.beginningLate() : new SourceLedger();
  const auditor = new EventLedger(beginsLate, Infinity);
  events.forEach((event, seq) => {
    ledger.add(event);
    auditor.add(event, seq);
  });
  const found = ledger.holes().map(({ from, to }) => [from, to]);
  expect(auditor.findings().missing.map(({ from, to }) => [from, to])).toEqual(found);
  return found;
}

describe('the account of what a source has counted', () => {
  test('finds each hole, whatever the order of arrival', () => {
    expect(missingOf([0, 1, 2].map((n) => eventOf(n)))).toEqual([]);
    expect(missingOf([5, 0, 2, 2, 9, 1].map((n) => eventOf(n)))).toEqual([[3, 4], [6, 8]]); // prettier-ignore
    expect(missingOf([7, 9, 3].map((n) => eventOf(n)), true)).toEqual([[8, 8]]); // prettier-ignore
  });

  test('agrees with a plain set of numbers', () => {
    const random = createSeededRandom(7);
    for (let round = 0; round < 200; round += 1) {
      const numbers = Array.from({ length: 30 }, () => Math.floor(random() * 40));
      const there = new Set(numbers);
      const missing = Array.from({ length: Math.max(...numbers) }, (_, n) => n).filter((n) => !there.has(n));
      const found = missingOf(numbers.map((n) => eventOf(n)));
      expect(
        found.flatMap(([from = 0, to = 0]) => Array.from({ length: to - from + 1 }, (_, n) => from + n)),
      ).toEqual(missing);
    }
  });

  test('takes the losses that a source admits, however many they are', () => {
    expect(missingOf([eventOf(0), gapOf(1_000_000_001, [[1, 1_000_000_000]])])).toEqual([]);
    expect(missingOf([eventOf(0), gapOf(9, [[2, 4], [7, 8]])])).toEqual([[1, 1], [5, 6]]); // prettier-ignore
  });

  test.each([
    ['beyond what can be counted', [[1e18, 1e18]]],
    ['without an end', [[0, 1e300]]],
    ['below nothing', [[-1e18, -1e18]]],
    ['backwards', [[5, 1]]],
    ['between numbers', [[0.5, 3.5]]],
    ['no range at all', [null, 1, 'x', {}, [], [1], [[1], [2]]]],
  ])('is not kept busy by an admission of losses that is %s', (_, ranges) => {
    expect(missingOf([eventOf(0), gapOf(2, ranges)])).toEqual([[1, 1]]);
  });

  test('remembers one hole as one, however many events follow it', () => {
    const ledger = new SourceLedger();
    for (let n = 1; n <= 100_000; n += 1) ledger.add(eventOf(n));
    expect(ledger.holes()).toEqual([{ instance: 'i', bootId: 'b', from: 0, to: 0 }]);
    expect(JSON.stringify(ledger.snapshot()).length).toBeLessThan(200);
  });

  test('is bounded for a source that leaves out every second number, which has holes for good', () => {
    const ledger = new SourceLedger();
    for (let n = 1; n <= 20_001; n += 2) ledger.add(eventOf(n));
    expect(JSON.stringify(ledger.snapshot()).length).toBeLessThan(20_000);
    expect(ledger.holes()).toHaveLength(1_000);
    for (let n = 0; n <= 20_001; n += 2) ledger.add(eventOf(n));
    expect(ledger.holes()).not.toEqual([]);
  });

  test('finds a mutation without an outcome, whichever of both comes first', () => {
    const intent = (n: number, id: string) =>
      eventOf(n, { type: 'request.intent', detail: { audit_id: id } });
    const outcome = (n: number, id: string) => eventOf(n, { id, detail: { operation_kind: 'mutation' } });
    const openOf = (...events: readonly ReturnType<typeof eventOf>[]) => {
      const ledger = new SourceLedger();
      const auditor = new EventLedger(false, Infinity);
      events.forEach((event, seq) => {
        ledger.add(event);
        auditor.add(event, seq);
      });
      expect(auditor.findings().openIntents).toHaveLength(ledger.openIntentsBefore(Infinity));
      return auditor.findings().openIntents;
    };
    expect(openOf(intent(0, 'a'), outcome(1, 'a'))).toEqual([]);
    expect(openOf(outcome(1, 'a'), intent(0, 'a'))).toEqual([]);
    expect(openOf(outcome(1, 'a'), intent(0, 'b'))).toEqual(['b']);
    expect(openOf(outcome(1, 'a'), intent(0, 'a'), intent(2, 'a'))).toEqual(['a']);
  });

  test('goes on from what was kept of it', () => {
    const before = new SourceLedger();
    for (const n of [0, 1, 4]) before.add(eventOf(n));
    const after = new SourceLedger(JSON.parse(JSON.stringify(before.snapshot())) as LedgerSnapshot);
    expect(after.holes()).toEqual(before.holes());
    after.add(eventOf(2));
    after.add(eventOf(3));
    expect(after.holes()).toEqual([]);
  });
});
