import { createInProcessRateCounter } from '@aduana/server-kit/bus/in-process-rate-counter';
import type { RateCounter } from '@aduana/server-kit/bus/rate-counter';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { RateCondition } from '@aduana/server-kit/iam/compile';
import { createSignedPresence } from '@aduana/core/mtls/signed-presence';
import type { TlsIdentity } from '@aduana/core/mtls/tls-identity';
import type { CancelSignal } from '@aduana/core/platform/cancellation';
import { uuid } from '@aduana/core/platform/ids';
import type { Platform } from '@aduana/core/platform/platform';
import type { GatewaySettings } from '../config.ts';
import type { Caller } from '../stages.ts';
import { callerKey } from './caller-key.ts';
import type { CallerPlaces, SharedLimits } from './shared-limits.ts';
import { createSharedRoom, type SharedRoom } from './shared-room.ts';
import { createOperationTurns } from './operation-turns.ts';
import { createOverloadLog } from './overload-log.ts';
import { createBoundedSemaphore, type BoundedSemaphore } from './bounded-semaphore.ts';

/** How much one caller may ask at once and in a minute. */
export interface CallerLimits {
  /**
   * Takes a place for one operation of the caller, among its own and among all that are in progress, and waits for its turn
   * to begin. Who has not read as much of its answers as is left for all others gets none.
   *
   * @param client whether the client has left while the operation waited
   * @returns gives the place back
   * @throws SecurityError `CONCURRENCY_LIMITED`, `RATE_LIMITED` or `OVERLOADED`, with when to try again
   */
  enter(caller: Caller, client?: { readonly signal: CancelSignal }): Promise<() => void>;
  /**
   * Counts the further operations of a batch, whose first one has a place already.
   *
   * @throws SecurityError `RATE_LIMITED`
   */
  countBatch(caller: Caller, operations: number): Promise<void>;
  /**
   * Asks again, before an answer is written: operations that were under way together would otherwise all be answered.
   *
   * @throws SecurityError `CONCURRENCY_LIMITED` where the caller has not read as much as is left for all others
   */
  readonly requireReading: (caller: Caller) => void;
  /** Counts what the caller has not read yet of one answer. */
  keepUnread(caller: Caller): UnreadAnswer;
  /** Counts this request towards each rate condition of the policies: whether the caller is within it, by its name. */
  countRates(caller: Caller, conditions: readonly RateCondition[]): Promise<ReadonlyMap<string, boolean>>;
  /** `ok`, or what of the counting is not as it should be. */
  readonly state: string;
  close(): Promise<void>;
}

/** What is in memory of an answer until its client has read it. */
export interface UnreadAnswer {
  /**
   * Begins with a whole answer.
   *
   * @throws SecurityError `CONCURRENCY_LIMITED` where the caller would then have more than is left for all others
   */
  begin(bytes: number): void;
  /** @param bytes all that its client has not read */
  set(bytes: number): void;
  /** Whether the caller has not read as much, of all its answers, as is left for all others. */
  readonly isTooMuch: boolean;
  /** Its client has read it, or has left. */
  release(): void;
}

type Settings = Pick<
  GatewaySettings,
  | 'LIMIT_CONCURRENT_OPERATIONS'
  | 'LIMIT_OPERATIONS_IN_PROGRESS'
  | 'LIMIT_OPERATIONS_WAITING'
  | 'LIMIT_UNREAD_BYTES'
  | 'RATE_LIMIT_PER_MINUTE'
  | 'REDIS_URL'
  | 'TRUST_DOMAIN'
>;

interface LimitsPlatform extends Platform {
  /** By which replicas know each other. */
  readonly identity: TlsIdentity;
}

/** A client that waits longer has its answer sooner elsewhere. */
const LONGEST_WAIT_MS = 2_000;
const MINUTE_MS = 60_000;
const NO_RATES: ReadonlyMap<string, boolean> = new Map();
const KEY_PREFIX = 'aduana:';
const UNREAD = 'answers that were not read';

/**
 * Limits by who the caller is (issuer and subject), whatever token or connection it uses; where replicas count together,
 * each has its share of the caller's places.
 */
export async function createCallerLimits(
  settings: Settings,
  platform: LimitsPlatform,
  shared?: SharedLimits,
): Promise<CallerLimits> {
  const perMinute = settings.RATE_LIMIT_PER_MINUTE;
  const counter = shared?.rates ?? (await createRateCounter(settings, platform));
  const { LIMIT_CONCURRENT_OPERATIONS: limit } = settings;
  const own =
    shared?.places ??
    createPlaces(() => (limit === 'off' ? Infinity : Math.max(1, Math.floor(limit / counter.replicas))));
  const all = createOperationSemaphore(settings, platform);
  const unread = createSharedRoom(settings.LIMIT_UNREAD_BYTES);
  const turns = createOperationTurns();
  return {
    async enter(caller, client) {
      const key = callerKey(caller);
      if (unread.isFull(key))
        throw new SecurityError('CONCURRENCY_LIMITED', { detail: UNREAD, retryAfterSeconds: 1 });
      const taking = own.take(key);
      if (taking !== undefined) await taking;
      try {
        if (perMinute !== 'off') await takeOne(counter, key, perMinute);
        if (all?.tryTake(key) === false) await all.take(key, LONGEST_WAIT_MS, client?.signal);
      } catch (error) {
        own.leave(key);
        throw error;
      }
      await turns.take(key);
      let left = false;
      return () => {
        if (left) return;
        left = true;
        own.leave(key);
        all?.leave(key);
      };
    },
    async countBatch(caller, operations) {
      if (perMinute === 'off') return;
      for (let counted = 1; counted < operations; counted += 1)
        await takeOne(counter, callerKey(caller), perMinute);
    },
    requireReading(caller) {
      if (unread.isFull(callerKey(caller))) refuseUnread();
    },
    keepUnread: (caller) => createUnreadAnswer(unread, callerKey(caller)),
    async countRates(caller, conditions) {
      if (conditions.length === 0) return NO_RATES;
      const verdicts = conditions.map(async ({ name, limit, perSeconds }) => {
        const { allowed } = await counter.take(`${name}:${callerKey(caller)}`, limit, perSeconds * 1000);
        return [name, allowed] as const;
      });
      return new Map(await Promise.all(verdicts));
    },
    get state() {
      return counter.state === 'ok' ? 'ok' : 'rates are counted by each replica alone';
    },
    close: () => counter.close(),
  };
}

/** The rate counter of a gateway: shared through Redis where there is one. */
async function createRateCounter(
  { REDIS_URL: url, TRUST_DOMAIN: trustDomain }: Settings,
  { clock, log, identity }: LimitsPlatform,
): Promise<RateCounter> {
  if (url === undefined) return createInProcessRateCounter(clock);
  const { createRedisRateCounter, PRESENCE_MS } = await import('@aduana/server-kit/bus/redis-rate-counter');
  const presence = createSignedPresence({
    id: uuid(),
    identity,
    trustDomain,
    clock,
    lifeMilliseconds: PRESENCE_MS,
  });
  return createRedisRateCounter({ url, prefix: KEY_PREFIX, presence, clock, log });
}

async function takeOne(counter: RateCounter, key: string, perMinute: number): Promise<void> {
  const { allowed, retryAfterMilliseconds } = await counter.take(key, perMinute, MINUTE_MS);
  if (!allowed)
    throw new SecurityError('RATE_LIMITED', { retryAfterSeconds: Math.ceil(retryAfterMilliseconds / 1000) });
}

/** The places of all callers together. */
function createOperationSemaphore(settings: Settings, platform: Platform): BoundedSemaphore | undefined {
  const { clock, metrics } = platform;
  const { LIMIT_OPERATIONS_IN_PROGRESS: places, LIMIT_OPERATIONS_WAITING: waiting } = settings;
  if (places === 'off') return undefined;
  const refused = metrics.counter('aduana_operations_refused_total');
  const logOverload = createOverloadLog(platform, 'more operations are asked for than there are places');
  const all = createBoundedSemaphore({
    places,
    waiting,
    clock,
    name: 'an operation',
    onRefuse() {
      refused.inc();
      logOverload();
    },
  });
  metrics.gauge('aduana_operations_in_progress', (gauge) => {
    gauge.set(all.taken);
  });
  metrics.gauge('aduana_operations_waiting', (gauge) => {
    gauge.set(all.waiting);
  });
  return all;
}

/** Of an operation that has run: when to send it again is not said, since it may have changed something. */
function refuseUnread(): never {
  throw new SecurityError('CONCURRENCY_LIMITED', { detail: UNREAD });
}

function createUnreadAnswer(room: SharedRoom, owner: string): UnreadAnswer {
  let held = 0;
  const set = (bytes: number): void => {
    room.give(owner, held);
    room.add(owner, bytes);
    held = bytes;
  };
  return {
    begin(bytes) {
      if (!room.holds(owner, bytes)) refuseUnread();
      set(bytes);
    },
    set,
    get isTooMuch() {
      return room.isFull(owner);
    },
    release: () => {
      set(0);
    },
  };
}

function createPlaces(limit: () => number): CallerPlaces {
  const taken = new Map<string, number>();
  return {
    take(key) {
      const count = taken.get(key) ?? 0;
      if (count >= limit()) throw new SecurityError('CONCURRENCY_LIMITED', { retryAfterSeconds: 1 });
      taken.set(key, count + 1);
    },
    leave(key) {
      const rest = (taken.get(key) ?? 1) - 1;
      if (rest === 0) taken.delete(key);
      else taken.set(key, rest);
    },
  };
}
