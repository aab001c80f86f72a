import type { Clock } from '@aduana/core/platform/clock';

export interface CircuitBreakerSettings {
  /** Calls that must fail in a row, none between them succeeding. */
  readonly failures: number;
  /** How long nothing is let through before a few calls may try. */
  readonly openMs: number;
}

/** `closed` lets everything through, `open` nothing, `half_open` a few calls that decide. */
export type CircuitState = 'closed' | 'open' | 'half_open';

/**
 * `late`: no answer in its time, a failure only where the callee answered nobody meanwhile. `withdrawn`: the call says
 * nothing of its callee, because it was abandoned or something else was away.
 */
export type Outcome = 'succeeded' | 'failed' | 'late' | 'withdrawn';

/** A call that was let through; its outcome is reported once. */
export interface Attempt {
  readonly caller: string;
  readonly startedAt: number;
  readonly epoch: number;
  /** Whether the caller was left out, and tried. */
  readonly isTrial: boolean;
}

export interface CircuitBreaker {
  readonly state: CircuitState;
  /**
   * @param caller on whose behalf the call is made
   * @returns undefined where the call must not be made
   */
  begin(kind: 'query' | 'mutation', caller: string): Attempt | undefined;
  end(attempt: Attempt, outcome: Outcome): void;
}

export interface CircuitBreakerOptions extends CircuitBreakerSettings {
  readonly clock: Clock;
  readonly onChange: (state: CircuitState, before: CircuitState) => void;
}

/** How long failures must have gone on: a restart that takes less opens nothing. */
const LEAST_SPAN_MS = 1_000;
/** Callers that may try within one interval. */
const MOST_TRIALS = 5;
const EVERYBODY = Symbol('everybody');

/**
 * Refuses calls to a callee that answers none. One success in between keeps it closed, so that a callee of which every
 * other call fails is called on. Where only calls of one caller failed it is open for that one alone: they may fail
 * because of what is asked.
 */
export function createCircuitBreaker(options: CircuitBreakerOptions): CircuitBreaker {
  const { failures, openMs, clock, onChange } = options;
  const row = createRow(failures);
  const trials = createTrials(openMs);
  let state: CircuitState = 'closed';
  let leftOut: string | typeof EVERYBODY | undefined;
  /** Counts the changes: what began before one of them has no say in what follows. */
  let epoch = 0;
  let answeredAt = -Infinity;

  function show(next: CircuitState): void {
    if (next === state) return;
    const before = state;
    state = next;
    onChange(next, before);
  }

  function become(next: 'open' | 'closed', now: number): void {
    epoch += 1;
    row.clear();
    trials.clear(now);
    show(next);
  }

  function fail(attempt: Attempt, now: number): void {
    if (attempt.isTrial) trials.fail(attempt.caller, now);
    else if (row.add(attempt, now)) {
      leftOut = leftOut === undefined ? (row.caller ?? EVERYBODY) : EVERYBODY;
      become('open', now);
    }
  }

  return {
    get state() {
      return state;
    },
    begin(kind, caller) {
      const now = clock.monotonic();
      const isTrial = leftOut === EVERYBODY || leftOut === caller;
      if (isTrial) {
        if (!trials.begin(kind, caller, now)) return undefined;
        show('half_open');
      }
      return { caller, startedAt: now, epoch, isTrial };
    },
    end(attempt, outcome) {
      const now = clock.monotonic();
      if (outcome === 'succeeded') answeredAt = now;
      if (attempt.epoch !== epoch) return;
      if (outcome === 'succeeded') {
        row.clear();
        if (leftOut === undefined) return;
        leftOut = undefined;
        become('closed', now);
        return;
      }
      if (outcome === 'failed' || (outcome === 'late' && answeredAt < attempt.startedAt)) fail(attempt, now);
      else if (attempt.isTrial) trials.withdraw(attempt.caller);
      if (leftOut !== undefined && !trials.areUnderWay) show('open');
    },
  };
}

/** Failures with no success between them. */
function createRow(failures: number) {
  let length = 0;
  let startedAt = 0;
  let caller: string | undefined;
  return {
    /** Whose calls all of them were, if one caller's. */
    get caller() {
      return caller;
    },
    /** @returns whether they are enough to leave the callee alone */
    add(attempt: Attempt, now: number): boolean {
      if (length === 0) ({ startedAt, caller } = attempt);
      startedAt = Math.min(startedAt, attempt.startedAt);
      if (attempt.caller !== caller) caller = undefined;
      length += 1;
      return length >= failures && now - startedAt >= LEAST_SPAN_MS;
    },
    clear(): void {
      length = 0;
    },
  };
}

/**
 * Who may try a callee that is left alone: a few callers in each interval whatever becomes of those before, each with one
 * call at a time and none for an interval after a failure, so that nobody's calls keep the others from trying. A mutation
 * tries only where no query came in twice the time.
 */
function createTrials(intervalMs: number) {
  /** When each may try again that has not ended, or has failed lately. */
  const againAt = new Map<string, number>();
  let nextAt = 0;
  let left = 0;
  let underWay = 0;

  function beginInterval(now: number): void {
    nextAt = now + intervalMs;
    left = MOST_TRIALS;
    for (const [caller, at] of againAt) if (at <= now) againAt.delete(caller);
  }

  return {
    get areUnderWay() {
      return underWay > 0;
    },
    /** Nobody may try for an interval. */
    clear(now: number): void {
      againAt.clear();
      nextAt = now + intervalMs;
      left = 0;
      underWay = 0;
    },
    begin(kind: 'query' | 'mutation', caller: string, now: number): boolean {
      if (now >= nextAt + (kind === 'query' ? 0 : intervalMs)) beginInterval(now);
      else if (kind === 'mutation') return false;
      if (left === 0 || (againAt.get(caller) ?? now) > now) return false;
      againAt.set(caller, Infinity);
      left -= 1;
      underWay += 1;
      return true;
    },
    fail(caller: string, now: number): void {
      againAt.set(caller, now + intervalMs);
      underWay -= 1;
    },
    withdraw(caller: string): void {
      againAt.delete(caller);
      left = Math.min(left + 1, MOST_TRIALS);
      underWay -= 1;
    },
  };
}
