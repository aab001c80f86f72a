import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Clock, createSystemClock } from '@aduana/core/platform/clock';

export interface FakeClock extends Clock {
  /** Moves time on, running what falls due in its order, and lets promises settle after each step. */
  advance(milliseconds: number): Promise<void>;
  /** How many timers are set. */
  readonly pending: number;
}

interface Pending {
  readonly at: number;
  readonly task: () => void;
}

/** A clock that stands still until it is told to move. */
export function createFakeClock(start: number | string = '2026-01-01T00:00:00Z'): FakeClock {
  let now = typeof start === 'number' ? start : Date.parse(start);
  const pending = new Set<Pending>();

  function after(milliseconds: number, task: () => void): { cancel: () => void } {
    const entry = { at: now + Math.max(0, milliseconds), task };
    pending.add(entry);
    return { cancel: () => void pending.delete(entry) };
  }

  async function advance(milliseconds: number): Promise<void> {
    const end = now + milliseconds;
    for (;;) {
      await settle();
      const [next] = [...pending].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      pending.delete(next);
      now = next.at;
      next.task();
    }
    now = end;
    await settle();
  }

  return {
    now: () => now,
    monotonic: () => now,
    after,
    advance,
    get pending() {
      return pending.size;
    },
    sleep: sleepBy(after),
  };
}

/** The system's timers at a time of day that stays as it is: what is counted per minute falls into one. */
export function createStoppedClock(): Clock {
  const now = Date.now();
  return { ...createSystemClock(), now: () => now };
}

/** A clock's `sleep`, by its `after`. */
export function sleepBy(after: Clock['after']): Clock['sleep'] {
  return (milliseconds, signal) =>
    new Promise((resolve, reject) => {
      const abort = (): void => {
        timer.cancel();
        reject(signal?.reason as Error);
      };
      const timer = after(milliseconds, () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      });
      if (signal?.aborted === true) abort();
      else signal?.addEventListener('abort', abort, { once: true });
    });
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) await nextTurn();
}
