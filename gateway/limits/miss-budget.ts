import { createBoundedCache } from '@aduana/core/platform/bounded-cache';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock } from '@aduana/core/platform/clock';
import type { Caller } from '../stages.ts';
import { callerKey } from './caller-key.ts';
import { createThreadCpu } from './thread-cpu.ts';
import { createTurns } from './turns.ts';

/** What one caller still has, for work that is done in another thread. */
export interface Account {
  /** Whose it is. */
  readonly owner: string;
  /** @throws SecurityError `RATE_LIMITED` where nothing is left */
  require(): void;
  /** Takes what was spent. */
  charge(milliseconds: number): void;
}

/** What one caller's cache misses and large requests may take of this process: its CPU, and room in the caches. */
export interface MissBudget {
  /**
   * Makes what a cache lacks, on the caller's account.
   *
   * @throws SecurityError `RATE_LIMITED` where the account is empty
   */
  spend<Result>(caller: Caller, make: () => Result): Result;
  /** The same where the work is much; a little takes less than it takes to read the thread's CPU time. */
  spendIf<Result>(isMuch: boolean, caller: Caller, make: () => Result): Result;
  /**
   * Whether what was made may be kept: `@skip` on n variables alone makes 2^n variants of one document, which would push
   * everybody else's entries out of the caches. Beyond the budget a caller is served, and nothing of it is kept.
   */
  mayKeep(caller: Caller): boolean;
  accountOf(caller: Caller): Account;
  /** When the caller's turn is, after what was costly of others and of its own; undefined: at once. */
  turn(caller: Caller): Promise<void> | undefined;
  /** Completes what has been fetched; what takes long puts its caller behind those who had less. */
  complete<Result>(caller: Caller, make: () => Result): Result;
}

export interface MissBudgetOptions {
  readonly clock: Clock;
  readonly keptPerMinute: number;
  /** Milliseconds of CPU that this thread has taken. */
  readonly cpu?: () => number;
}

interface Balance {
  misses: number;
  windowEndsAt: number;
  milliseconds: number;
  filledAt: number;
}

const WINDOW_MILLISECONDS = 60_000;
const CALLERS_KNOWN = 10_000;
/** A client that starts with a few hundred documents it has never sent before. */
const CPU_AT_ONCE_MS = 5_000;
const CPU_SHARE = 0.5;
/** So many values of variables, or characters of JSON, are read in less than a millisecond. */
export const FEW_VALUES = 1_000;
export const FEW_CHARACTERS = 65_536;
/** What others need not be asked to wait for. */
const NOTICEABLE_MS = 5;

export const UNLIMITED: MissBudget = {
  spend: (_caller, make) => make(),
  spendIf: (_isMuch, _caller, make) => make(),
  mayKeep: () => true,
  accountOf: (caller) => ({ owner: callerKey(caller), require: () => undefined, charge: () => undefined }),
  turn: () => undefined,
  complete: (_caller, make) => make(),
};

export function createMissBudget(options: MissBudgetOptions): MissBudget {
  const { clock, keptPerMinute, cpu = createThreadCpu() } = options;
  const balanceOf = createBalances(clock);
  const turns = createTurns();
  function spend<Result>(caller: Caller, make: () => Result): Result {
    const key = callerKey(caller);
    const balance = balanceOf(key);
    requireCredit(balance);
    const before = cpu();
    try {
      return make();
    } finally {
      const spent = cpu() - before;
      balance.milliseconds -= spent;
      if (spent >= NOTICEABLE_MS || turns.areTaken) turns.note(key, spent);
    }
  }

  return {
    spend,
    spendIf: (isMuch, caller, make) => (isMuch ? spend(caller, make) : make()),
    mayKeep(caller) {
      const balance = balanceOf(callerKey(caller));
      if (balance.filledAt >= balance.windowEndsAt) {
        balance.misses = 0;
        balance.windowEndsAt = balance.filledAt + WINDOW_MILLISECONDS;
      }
      balance.misses += 1;
      return balance.misses <= keptPerMinute;
    },
    accountOf(caller) {
      const owner = callerKey(caller);
      return {
        owner,
        require: () => {
          requireCredit(balanceOf(owner));
        },
        charge: (milliseconds) => {
          balanceOf(owner).milliseconds -= milliseconds;
        },
      };
    },
    turn: (caller) => (turns.areTaken ? turns.wait(callerKey(caller)) : undefined),
    complete(caller, make) {
      const startedAt = clock.monotonic();
      try {
        return make();
      } finally {
        const passed = clock.monotonic() - startedAt;
        if (passed >= NOTICEABLE_MS || turns.areTaken) turns.note(callerKey(caller), passed);
      }
    },
  };
}

/** What each caller has now, by its key. */
function createBalances(clock: Clock): (key: string) => Balance {
  const balances = createBoundedCache<Balance>(clock, CALLERS_KNOWN);
  return (key) => {
    const now = clock.monotonic();
    let balance = balances.get(key);
    if (balance === undefined) {
      balance = {
        misses: 0,
        windowEndsAt: now + WINDOW_MILLISECONDS,
        milliseconds: CPU_AT_ONCE_MS,
        filledAt: now,
      };
      balances.set(key, balance);
    }
    const filled = balance.milliseconds + (now - balance.filledAt) * CPU_SHARE;
    balance.milliseconds = Math.min(CPU_AT_ONCE_MS, filled);
    balance.filledAt = now;
    return balance;
  };
}

function requireCredit({ milliseconds }: Balance): void {
  if (milliseconds > 0) return;
  throw new SecurityError('RATE_LIMITED', {
    detail: 'what the requests of this caller take before they run is too much',
    retryAfterSeconds: (NOTICEABLE_MS - milliseconds) / CPU_SHARE / 1000,
  });
}
