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
    queued.take(1_000, signal).then(
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
    queued.leave();
    await clock.advance(0);
    expect(entered).toEqual(['a', 'b', 'c']);
    expect([queued.taken, queued.waiting]).toEqual([2, 1]);
    expect(queued.tryTake()).toBe(false);
    for (let leaving = 0; leaving < 3; leaving += 1) queued.leave();
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
    queued.leave();
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
    queued.leave();
    await clock.advance(0);
    expect(entered).toContain('d');
    expect(entered).not.toContain('b');
  });
});
