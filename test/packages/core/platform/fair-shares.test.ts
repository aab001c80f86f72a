import { expect, test } from '@jest/globals';
import { FairShares } from '@aduana/core/platform/fair-shares';

/** Takes what is next, at its cost, until nothing waits or so much has been had. */
function take(shares: FairShares<number>, most: number): readonly string[] {
  const owners: string[] = [];
  for (let had = 0; had < most;) {
    const next = shares.least();
    if (next?.first === undefined) break;
    const cost = next.first;
    shares.take(next, cost);
    owners.push(next.owner);
    had += cost;
  }
  return owners;
}

const add = (shares: FairShares<number>, owner: string, cost: number, count: number): void => {
  for (let n = 0; n < count; n += 1) shares.add(owner, cost);
};
const countOf = (owners: readonly string[], one: string) => owners.filter((owner) => owner === one).length;

test('owners have the same in all, however large their things are', () => {
  const shares = new FairShares<number>();
  add(shares, 'large', 100, 1_000);
  add(shares, 'small', 1, 10_000);
  const owners = take(shares, 10_000);
  expect(countOf(owners, 'large')).toBe(50);
  expect(countOf(owners, 'small')).toBe(5_000);
});

test('an owner that is new is next, and has saved up nothing from before', () => {
  const shares = new FairShares<number>();
  add(shares, 'first', 1, 3_000);
  take(shares, 1_000);
  add(shares, 'late', 1, 3_000);
  const owners = take(shares, 1_000);
  expect(owners.slice(0, 3)).toContain('late');
  expect(countOf(owners, 'late')).toBe(500);
});

test('who has had much and comes again is behind for as much as before, and not for what was had without it', () => {
  const shares = new FairShares<number>();
  add(shares, 'heavy', 1_000, 1);
  add(shares, 'other', 1, 5_000);
  expect(countOf(take(shares, 1_500), 'other')).toBe(500);
  add(shares, 'heavy', 1, 10);
  expect(countOf(take(shares, 400), 'heavy')).toBe(0);
  expect(countOf(take(shares, 3_000), 'heavy')).toBe(10);
});

test('the things of one owner come in their order, and are counted', () => {
  const shares = new FairShares<number>();
  for (let n = 0; n < 5_000; n += 1) shares.add('one', n);
  const taken: number[] = [];
  for (let next = shares.least(); next?.first !== undefined; next = shares.least()) {
    taken.push(next.first);
    shares.take(next, 1);
    expect(shares.sizeOf('one')).toBe(5_000 - taken.length);
  }
  expect(taken).toEqual(Array.from({ length: 5_000 }, (_, n) => n));
  expect(shares.least()).toBeUndefined();
});

test('who is next comes first in the order', () => {
  const shares = new FairShares<number>();
  for (const [owner, cost] of [['much', 30], ['none', 0], ['some', 10]] as const) {
    shares.charge(owner, cost);
    shares.add(owner, 1);
  }
  expect(shares.inOrder().map(({ owner }) => owner)).toEqual(['none', 'some', 'much']);
}); // prettier-ignore

test('ever new owners keep nobody from its share, and are forgotten', () => {
  const shares = new FairShares<number>();
  shares.charge('old', 10);
  for (const owner of ['old', 'new', 'new too']) shares.add(owner, 1);
  let turns = 0;
  for (let next = shares.least(); next?.owner !== 'old'; next = shares.least()) {
    if (next !== undefined) shares.take(next, 0.1);
    shares.add(`new ${String((turns += 1))}`, 1);
    if (turns > 5_000) break;
  }
  expect(turns).toBeLessThan(5_000);
});
