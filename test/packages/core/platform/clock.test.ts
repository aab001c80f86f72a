import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createSystemClock } from '@aduana/core/platform/clock';

const SIXTY_DAYS = 60 * 86_400_000;

describe('a task of the system clock that is due after more than 2^31 ms', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  test('runs once, when it is due', () => {
    let runs = 0;
    createSystemClock().after(SIXTY_DAYS, () => (runs += 1));
    jest.advanceTimersByTime(SIXTY_DAYS - 1);
    expect(runs).toBe(0);
    jest.advanceTimersByTime(1);
    expect(runs).toBe(1);
    jest.advanceTimersByTime(SIXTY_DAYS);
    expect(runs).toBe(1);
  });

  test('can be cancelled at any time before', () => {
    let runs = 0;
    const count = (): void => void (runs += 1);
    const clock = createSystemClock();
    clock.after(SIXTY_DAYS, count).cancel();
    const later = clock.after(SIXTY_DAYS, count);
    jest.advanceTimersByTime(SIXTY_DAYS - 1);
    later.cancel();
    jest.advanceTimersByTime(SIXTY_DAYS);
    expect(runs).toBe(0);
    expect(jest.getTimerCount()).toBe(0);
  });

  test('never runs where the pause has no end', () => {
    let runs = 0;
    const { cancel } = createSystemClock().after(Infinity, () => (runs += 1));
    jest.advanceTimersByTime(10 * SIXTY_DAYS);
    expect(runs).toBe(0);
    cancel();
  });
});

test('a sleep of more than 2^31 ms outlasts a short one, and ends when it is aborted', async () => {
  const clock = createSystemClock();
  const leave = new AbortController();
  const long = clock.sleep(SIXTY_DAYS, leave.signal).then(
    () => 'slept',
    (error: unknown) => String(error),
  );
  expect(await Promise.race([long, clock.sleep(20).then(() => 'the short one')])).toBe('the short one');
  leave.abort();
  expect(await long).toContain('AbortError');
});
