import { describe, expect, test } from '@jest/globals';
import {
  type Attempt,
  type CircuitBreaker,
  createCircuitBreaker,
} from '../../../gateway/limits/circuit-breaker.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const OPEN_MS = 2_000;

function open(failures = 3) {
  const clock = createFakeClock(0);
  const changes: string[] = [];
  const breaker = createCircuitBreaker({
    failures,
    openMs: OPEN_MS,
    clock,
    onChange: (state, before) => changes.push(`${before} -> ${state}`),
  });
  return { clock, changes, breaker };
}

function begin(breaker: CircuitBreaker, kind: 'query' | 'mutation' = 'query', caller = 'bff'): Attempt {
  const attempt = breaker.begin(kind, caller);
  if (attempt === undefined) throw new Error('refused');
  return attempt;
}

async function openUp(failures = 3) {
  const opened = open(failures);
  const attempts = Array.from({ length: failures }, () => begin(opened.breaker));
  await opened.clock.advance(1_000);
  for (const attempt of attempts) opened.breaker.end(attempt, 'failed');
  expect(opened.breaker.state).toBe('open');
  return opened;
}

describe('a circuit breaker', () => {
  test('refuses once as many calls as allowed failed in a row', async () => {
    const { breaker, clock } = open();
    const attempts = [1, 2, 3].map(() => begin(breaker));
    await clock.advance(5_000);
    for (const attempt of attempts) {
      expect(breaker.begin('query', 'bff')).toBeDefined();
      breaker.end(attempt, 'failed');
    }
    expect(breaker.begin('query', 'bff')).toBeUndefined();
    expect(breaker.begin('mutation', 'bff')).toBeUndefined();
  });

  test('one success begins the row anew', async () => {
    const { breaker, clock } = open();
    for (let round = 0; round < 20; round += 1) {
      for (const outcome of ['failed', 'failed', 'succeeded'] as const) {
        const attempt = begin(breaker);
        await clock.advance(1_000);
        breaker.end(attempt, outcome);
      }
    }
    expect(breaker.state).toBe('closed');
  });

  test('failures that are over within a second open nothing, whatever their number', async () => {
    const { breaker, clock } = open();
    for (let call = 0; call < 99; call += 1) {
      const attempt = begin(breaker);
      await clock.advance(10);
      breaker.end(attempt, 'failed');
    }
    expect(breaker.state).toBe('closed');
    const last = begin(breaker);
    await clock.advance(10);
    breaker.end(last, 'failed');
    expect(breaker.state).toBe('open');
  });

  test('calls that were withdrawn count neither way', async () => {
    const { breaker, clock } = open();
    const first = begin(breaker);
    await clock.advance(1_000);
    breaker.end(first, 'failed');
    for (let call = 0; call < 9; call += 1) breaker.end(begin(breaker), 'withdrawn');
    breaker.end(begin(breaker), 'failed');
    expect(breaker.state).toBe('closed');
    breaker.end(begin(breaker), 'failed');
    expect(breaker.state).toBe('open');
  });

  test('lets one query of a caller try after the interval, and everything once that has succeeded', async () => {
    const { breaker, clock, changes } = await openUp();
    await clock.advance(OPEN_MS - 1);
    expect(breaker.begin('query', 'bff')).toBeUndefined();
    await clock.advance(1);
    const probe = begin(breaker);
    expect(breaker.state).toBe('half_open');
    expect(breaker.begin('query', 'bff')).toBeUndefined();
    breaker.end(probe, 'succeeded');
    expect(breaker.begin('query', 'bff')).toBeDefined();
    expect(breaker.begin('mutation', 'bff')).toBeDefined();
    expect(changes).toEqual(['closed -> open', 'open -> half_open', 'half_open -> closed']);
  });

  test('is open for another interval where the one that tried failed', async () => {
    const { breaker, clock } = await openUp();
    await clock.advance(OPEN_MS);
    const probe = begin(breaker);
    await clock.advance(500);
    breaker.end(probe, 'failed');
    await clock.advance(OPEN_MS - 1);
    expect(breaker.begin('query', 'bff')).toBeUndefined();
    await clock.advance(1);
    expect(breaker.begin('query', 'bff')).toBeDefined();
  });

  test('one that tried and was withdrawn leaves its turn to the next', async () => {
    const { breaker, clock } = await openUp();
    await clock.advance(OPEN_MS);
    breaker.end(begin(breaker), 'withdrawn');
    breaker.end(begin(breaker), 'succeeded');
    expect(breaker.state).toBe('closed');
  });

  test('a mutation tries only where no query came in twice the time', async () => {
    const { breaker, clock } = await openUp();
    await clock.advance(2 * OPEN_MS - 1);
    expect(breaker.begin('mutation', 'bff')).toBeUndefined();
    await clock.advance(1);
    breaker.end(begin(breaker, 'mutation'), 'succeeded');
    expect(breaker.state).toBe('closed');
  });

  test('what began before it opened has no say in what follows', async () => {
    const { breaker, clock } = open();
    const late = [1, 2, 3, 4, 5].map(() => begin(breaker));
    const [first, second, third, fourth, fifth] = late as [Attempt, Attempt, Attempt, Attempt, Attempt];
    await clock.advance(1_000);
    for (const attempt of [first, second, third]) breaker.end(attempt, 'failed');
    breaker.end(fourth, 'succeeded');
    expect(breaker.state).toBe('open');
    await clock.advance(OPEN_MS);
    const probe = begin(breaker);
    breaker.end(fifth, 'failed');
    expect(breaker.state).toBe('half_open');
    breaker.end(probe, 'succeeded');
    expect(breaker.state).toBe('closed');
  });

  test('a call that is late is a failure only where nobody was answered since it began', async () => {
    const { breaker, clock } = open();
    for (let round = 0; round < 3; round += 1) {
      const slow = [1, 2, 3].map(() => begin(breaker, 'query', 'slow'));
      const quick = begin(breaker, 'query', 'quick');
      await clock.advance(1_000);
      breaker.end(quick, 'succeeded');
      await clock.advance(4_000);
      for (const attempt of slow) breaker.end(attempt, 'late');
    }
    expect(breaker.state).toBe('closed');
    const slow = [1, 2, 3].map(() => begin(breaker, 'query', 'slow'));
    await clock.advance(5_000);
    for (const attempt of slow) breaker.end(attempt, 'late');
    expect(breaker.state).toBe('open');
  });

  test.each(['late', 'failed'] as const)(
    'where only calls of one caller were %s, the others are let through, and the first answer ends it',
    async (outcome) => {
      const { breaker, clock } = open();
      const attempts = [1, 2, 3].map(() => begin(breaker));
      await clock.advance(1_000);
      for (const attempt of attempts) breaker.end(attempt, outcome);
      expect(breaker.begin('query', 'bff')).toBeUndefined();
      const others = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((who) => begin(breaker, 'mutation', who));
      expect(breaker.state).toBe('open');
      for (const attempt of others.slice(0, 1)) breaker.end(attempt, 'succeeded');
      expect(breaker.state).toBe('closed');
      expect(breaker.begin('query', 'bff')).toBeDefined();
    },
  );

  test('refuses everybody once as many calls of others failed as well', async () => {
    const { breaker, clock } = await openUp();
    const others = ['a', 'a', 'b'].map((who) => begin(breaker, 'query', who));
    await clock.advance(1_000);
    for (const attempt of others) breaker.end(attempt, 'late');
    for (const who of ['bff', 'a', 'b', 'c']) expect(breaker.begin('query', who)).toBeUndefined();
    await clock.advance(OPEN_MS);
    expect(breaker.begin('query', 'c')).toBeDefined();
  });

  test('lets a few callers try in each interval, one call of each, whatever becomes of those before', async () => {
    const { breaker, clock } = open();
    const failing = ['a', 'b', 'c'].map((who) => begin(breaker, 'query', who));
    await clock.advance(1_000);
    for (const attempt of failing) breaker.end(attempt, 'failed');
    await clock.advance(OPEN_MS);
    const slow = ['a', 'a', 'b', 'c', 'd'].map((who) => breaker.begin('query', who)?.caller);
    expect(slow).toEqual(['a', undefined, 'b', 'c', 'd']);
    breaker.end(begin(breaker, 'query', 'e'), 'failed');
    expect(breaker.state).toBe('half_open');
    expect(breaker.begin('query', 'f')).toBeUndefined();
    await clock.advance(OPEN_MS - 1);
    expect(breaker.begin('query', 'f')).toBeUndefined();
    await clock.advance(1);
    expect(breaker.begin('query', 'a')).toBeUndefined();
    breaker.end(begin(breaker, 'query', 'f'), 'succeeded');
    expect(breaker.state).toBe('closed');
  });
});
