import type { CancelSignal } from '../platform/cancellation.ts';
import type { Clock, Timer } from '../platform/clock.ts';
import type { CallFailure } from './call-error.ts';

/** How late a deadline or an abort may be noticed: one timer serves all calls, so that a call costs none. */
const RESOLUTION_MILLISECONDS = 25;

/** A call that has not ended. */
export interface Pending {
  /** On the monotonic clock. */
  readonly deadline: number;
  readonly signal: CancelSignal | undefined;
  abandon(failure: CallFailure, reason: string): void;
}

/** The calls that have not ended, each until its deadline. */
export interface Deadlines {
  add(pending: Pending): void;
  remove(pending: Pending): void;
}

/** Abandons what is late or no longer wanted; its timer runs only while something is pending. */
export function createDeadlines(clock: Clock): Deadlines {
  const all = new Set<Pending>();
  let timer: Timer | undefined;

  function sweep(): void {
    const now = clock.monotonic();
    for (const pending of all) {
      if (pending.signal?.aborted === true)
        pending.abandon('abandoned', 'the call was abandoned by its caller');
      else if (pending.deadline <= now) pending.abandon('deadline', 'no complete answer in time');
    }
    timer = all.size > 0 ? clock.after(RESOLUTION_MILLISECONDS, sweep) : undefined;
  }

  return {
    add(pending) {
      all.add(pending);
      timer ??= clock.after(RESOLUTION_MILLISECONDS, sweep);
    },
    remove: (pending) => void all.delete(pending),
  };
}
