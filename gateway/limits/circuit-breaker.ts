import type { Clock } from '@aduana/core/platform/clock';

export interface CircuitBreakerSettings {
  /** Calls that must fail in a row, none between them succeeding. */
  readonly failures: number;
  /** How long nothing is let through before one call may try. */
  readonly openMs: number;
}

/** `closed` lets everything through, `open` nothing, `half_open` one call that decides. */
export type CircuitState = 'closed' | 'open' | 'half_open';

/** `withdrawn`: the call says nothing of its callee, because it was abandoned or something else was away. */
export type Outcome = 'succeeded' | 'failed' | 'withdrawn';

/** A call that was let through; its outcome is reported once. */
export interface Attempt {
  readonly startedAt: number;
  readonly epoch: number;
}

export interface CircuitBreaker {
  readonly state: CircuitState;
  /** @returns undefined where the call must not be made */
  begin(kind: 'query' | 'mutation'): Attempt | undefined;
  end(attempt: Attempt, outcome: Outcome): void;
}

export interface CircuitBreakerOptions extends CircuitBreakerSettings {
  readonly clock: Clock;
  readonly onChange: (state: CircuitState, before: CircuitState) => void;
}

/** How long failures must have gone on: a restart that takes less opens nothing. */
const LEAST_SPAN_MS = 1_000;

/**
 * Refuses calls to a callee that answers none. One success in between keeps it closed, so that a callee of which every
 * other call fails is called on. A mutation is the call that tries only where no query came in twice the time.
 */
export function createCircuitBreaker(options: CircuitBreakerOptions): CircuitBreaker {
  const { failures, openMs, clock, onChange } = options;
  let state: CircuitState = 'closed';
  /** Counts the changes: what began before one of them has no say in what follows. */
  let epoch = 0;
  let row = 0;
  let rowStartedAt = 0;
  let openedAt = 0;
  let probing = false;

  function become(next: CircuitState): void {
    const before = state;
    state = next;
    epoch += 1;
    row = 0;
    probing = false;
    onChange(next, before);
  }

  function fail({ startedAt }: Attempt): void {
    rowStartedAt = row === 0 ? startedAt : Math.min(rowStartedAt, startedAt);
    row += 1;
    const now = clock.monotonic();
    if (state === 'closed' && (row < failures || now - rowStartedAt < LEAST_SPAN_MS)) return;
    openedAt = now;
    become('open');
  }

  return {
    get state() {
      return state;
    },
    begin(kind) {
      const now = clock.monotonic();
      if (state !== 'closed') {
        if (probing || now < openedAt + (kind === 'query' ? openMs : 2 * openMs)) return undefined;
        if (state === 'open') become('half_open');
        probing = true;
      }
      return { startedAt: now, epoch };
    },
    end(attempt, outcome) {
      if (attempt.epoch !== epoch) return;
      if (outcome === 'failed') fail(attempt);
      else if (outcome === 'succeeded') {
        row = 0;
        if (state === 'half_open') become('closed');
      } else probing = false;
    },
  };
}
