import { describe, expect, test } from '@jest/globals';
import type { SecurityError } from '@aduana/core/errors/security-error';
import { createBoundedSemaphore } from '../../../gateway/limits/bounded-semaphore.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

function open(places: number, waiting: number) {
  const clock = createFakeClock(0);
  const refusals: string[] = [];
  const queued = createBoundedSemaphore({
    places,
    waiting,
    clock,
    name: 'the test',
    onRefuse: () => refusals.push('refused'),
  });
  const entered: string[] = [];
  const enter = (who: string, signal?: AbortSignal) =>
    queued.take(who, 1_000, signal).then(
      () => entered.push(who),
      (error: unknown) => {
        const { code, status, detail, retryAfterSeconds } = error as SecurityError;
        entered.push(`${who}: ${String(status)} ${code}, ${String(detail)}, ${String(retryAfterSeconds)}`);
      },
    );
  return { clock, queued, enter, entered, refusals };
}

describe('places with a queue', () => {
  test('are taken first come, first served, and no more at once than there are', async () => {
    const { clock, queued, enter, entered } = open(2, 5);
    for (const who of ['a', 'b', 'c', 'd']) void enter(who);
    await clock.advance(0);
    expect(entered).toEqual(['a', 'b']);
    queued.leave('a');
    await clock.advance(0);
    expect(entered).toEqual(['a', 'b', 'c']);
    expect([queued.taken, queued.waiting]).toEqual([2, 1]);
    expect(queued.tryTake('e')).toBe(false);
    for (const who of ['b', 'c', 'd']) queued.leave(who);
    await clock.advance(0);
    expect(entered).toEqual(['a', 'b', 'c', 'd']);
    expect([queued.taken, queued.waiting]).toEqual([0, 0]);
  });

  test('a full queue is reported at once, a long wait when its time is over, both with when to try again', async () => {
    const { clock, queued, enter, entered, refusals } = open(1, 1);
    for (const who of ['a', 'b', 'c']) void enter(who);
    await clock.advance(0);
    expect(entered).toEqual(['a', 'c: 503 OVERLOADED, too many wait for the test, 1']);
    await clock.advance(1_000);
    expect(entered[2]).toBe('b: 503 OVERLOADED, no place in time for the test, 1');
    expect(refusals).toHaveLength(2);
    queued.leave('a');
    expect([queued.taken, queued.waiting]).toEqual([0, 0]);
  });

  test('who has left keeps nobody out, and gets no place', async () => {
    const { clock, queued, enter, entered } = open(1, 2);
    const leaving = new AbortController();
    void enter('a');
    void enter('b', leaving.signal);
    void enter('c', leaving.signal);
    leaving.abort();
    void enter('d');
    await clock.advance(0);
    expect(queued.waiting).toBe(1);
    queued.leave('a');
    await clock.advance(0);
    expect(entered).toContain('d');
    expect(entered).not.toContain('b');
  });

  test('an eighth of them is for owners that have less than is left', () => {
    const { queued } = open(16, 0);
    const taken = (owner: string) => {
      let count = 0;
      while (queued.tryTake(owner)) count += 1;
      return count;
    };
    expect(['a', 'b', 'c'].map(taken)).toEqual([14, 1, 1]);
  });

  test('while others wait nobody gets more than half, and owners are let in by turns', async () => {
    const { clock, queued, enter, entered } = open(4, 100);
    for (const who of ['a', 'a', 'a', 'a']) void enter(who);
    for (const who of ['a', 'a', 'b', 'b', 'c', 'b', 'a']) void enter(who);
    await clock.advance(0);
    entered.length = 0;
    for (const who of ['a', 'a', 'a', 'a']) queued.leave(who);
    await clock.advance(0);
    expect(entered).toEqual(['b', 'c', 'a', 'b']);
    for (const who of ['c', 'a']) queued.leave(who);
    await clock.advance(0);
    expect(entered.slice(4)).toEqual(['a', 'a']);
  });

  test('nobody has more waiting than is left for all others', async () => {
    const { clock, enter, queued, entered } = open(1, 8);
    for (const who of 'aaaaaaabbbc') void enter(who);
    await clock.advance(0);
    expect(queued.waiting).toBe(7);
    expect(entered.map((line) => line.slice(0, 2))).toEqual(['a', 'a:', 'a:', 'b:']);
  });
});
