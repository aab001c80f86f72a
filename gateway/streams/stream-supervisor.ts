import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '@aduana/core/platform/clock';
import { every, type Repeating } from '@aduana/core/platform/every';
import { describeError, type Log } from '@aduana/core/platform/log';
import type { StatusView } from '@aduana/core/status/status-entry';
import type { Engine } from '@aduana/server-kit/iam/compile';

/** What has to be looked at while it is open. */
export interface Supervised {
  /** Something has changed that rights may depend on. */
  review(now: number): void;
  /** Once a second. */
  tick(now: number): void;
  /** The gateway stops. */
  drain(): void;
}

/** Looks after all that is open. */
export interface StreamSupervisor {
  add(one: Supervised): void;
  remove(one: Supervised): void;
  /** Grows whenever something has changed that rights may depend on: an unchanged stream compares one number. */
  version(now: number): number;
  /** The same, but for what the status feed says: that ends callers, and neither gives nor takes a field. As of `version`. */
  readonly rightsVersion: number;
  /** Something has changed: everything is reviewed soon. */
  touch(): void;
  /** The same, where only the status feed has changed. */
  touchStatus(): void;
  readonly isDraining: boolean;
  /** Ends everything; nothing new is opened. */
  drain(): void;
  stop(): Promise<void>;
}

export interface StreamSupervisorOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly engine: () => Engine;
  readonly status: Pick<StatusView, 'assertFresh'>;
}

const TICK_MS = 1_000;
const MINUTE_MS = 60_000;
/** So that a review of thousands does not hold up what else there is to do. */
const REVIEWED_IN_A_ROW = 200;

export function createStreamSupervisor(options: StreamSupervisorOptions): StreamSupervisor {
  const { clock, log, engine, status } = options;
  const all = new Set<Supervised>();
  const times = createTimeConditions(engine);
  let version = 1;
  let rightsVersion = 1;
  let wasFresh = isFresh(status);
  let lookedAt = clock.now();
  let isDraining = false;

  const current = (now: number): number => {
    const fresh = isFresh(status);
    if (times.changedBetween(lookedAt, now) || fresh !== wasFresh) {
      version += 1;
      rightsVersion += 1;
    }
    wasFresh = fresh;
    lookedAt = Math.max(lookedAt, now);
    return version;
  };
  const review = createReview(all, options, () => version);
  const ticking: Repeating = every(
    clock,
    () => TICK_MS,
    () =>
      inTurns(all, log, (one) => {
        one.tick(clock.now());
      }),
    () => undefined,
  );
  return {
    add: (one) => void all.add(one),
    remove: (one) => void all.delete(one),
    version: current,
    get rightsVersion() {
      return rightsVersion;
    },
    touch() {
      version += 1;
      rightsVersion += 1;
      review();
    },
    touchStatus() {
      version += 1;
      review();
    },
    get isDraining() {
      return isDraining;
    },
    drain() {
      isDraining = true;
      for (const one of [...all]) one.drain();
    },
    stop: () => ticking.stop(),
  };
}

/** Looks at everything until there is nothing newer; what comes meanwhile is a part of that. */
function createReview(
  all: ReadonlySet<Supervised>,
  { clock, log }: StreamSupervisorOptions,
  version: () => number,
): () => void {
  let reviewing: Promise<void> | undefined;
  let reviewed = 0;
  const reviewAll = async (): Promise<void> => {
    while (reviewed !== version()) {
      reviewed = version();
      await inTurns(all, log, (one) => {
        one.review(clock.now());
      });
    }
    reviewing = undefined;
  };
  return () => {
    reviewing ??= reviewAll();
  };
}

/** A feed that is not read any more has no entry about it: the age of the copy is checked instead. */
function isFresh(status: Pick<StatusView, 'assertFresh'>): boolean {
  try {
    status.assertFresh();
    return true;
  } catch {
    return false;
  }
}

/** What cannot be looked after is ended. */
async function inTurns(
  all: ReadonlySet<Supervised>,
  log: Log,
  act: (one: Supervised) => void,
): Promise<void> {
  let done = 0;
  for (const one of [...all]) {
    if (!all.has(one)) continue;
    try {
      act(one);
    } catch (error) {
      log.error('an open stream could not be looked after', { error: describeError(error) });
      one.drain();
    }
    done += 1;
    if (done % REVIEWED_IN_A_ROW === 0) await nextTurn();
  }
}

/** When conditions of the policies that ask for the time may change: on whole minutes, and where they begin or end. */
function createTimeConditions(engine: () => Engine) {
  let of: Engine | undefined;
  let asks = false;
  let instants: readonly number[] = [];
  return {
    changedBetween(before: number, now: number): boolean {
      const current = engine();
      if (current !== of) {
        of = current;
        const windows = [...current.sources.conditions.values()].flatMap(({ time }) => time ?? []);
        asks = windows.length > 0;
        instants = windows.flatMap(({ notBefore, notAfter }) => [notBefore ?? [], notAfter ?? []].flat());
      }
      if (!asks) return false;
      if (Math.floor(before / MINUTE_MS) !== Math.floor(now / MINUTE_MS)) return true;
      return instants.some((instant) => before < instant && instant <= now);
    },
  };
}
