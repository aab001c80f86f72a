import { createInProcessRateCounter } from '@aduana/core/bus/in-process-rate-counter';
import type { RateCounter } from '@aduana/core/bus/rate-counter';
import { createRedisRateCounter } from '@aduana/core/bus/redis-rate-counter';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { RateCondition } from '@aduana/core/iam/compile';
import { sha256Base64url } from '@aduana/core/platform/digest';
import type { Platform } from '@aduana/core/platform/platform';
import type { GatewaySettings } from '../../config.ts';
import type { Caller } from '../stages.ts';
import { createOverloadLog } from './overload-log.ts';
import { createQueuedPlaces, type QueuedPlaces } from './queued-places.ts';

/** How much one caller may ask at once and in a minute. */
export interface CallerLimits {
  /**
   * Takes a place for one operation of the caller, among its own and among all that are in progress.
   *
   * @param client tells, if a place has to be waited for, whether the client has left meanwhile
   * @returns gives the place back
   * @throws SecurityError `CONCURRENCY_LIMITED`, `RATE_LIMITED` or `OVERLOADED`, with when to try again
   */
  enter(caller: Caller, client?: { readonly signal: AbortSignal }): Promise<() => void>;
  /**
   * Counts the further operations of a batch, whose first one has a place already.
   *
   * @throws SecurityError `RATE_LIMITED`
   */
  countBatch(caller: Caller, operations: number): Promise<void>;
  /** Counts this request towards each rate condition of the policies: whether the caller is within it, by its name. */
  countRates(caller: Caller, conditions: readonly RateCondition[]): Promise<ReadonlyMap<string, boolean>>;
  /** `ok`, or what of the counting is not as it should be. */
  readonly state: string;
  close(): Promise<void>;
}

type Settings = Pick<
  GatewaySettings,
  | 'LIMIT_CONCURRENT_OPERATIONS'
  | 'LIMIT_OPERATIONS_IN_PROGRESS'
  | 'LIMIT_OPERATIONS_WAITING'
  | 'RATE_LIMIT_PER_MINUTE'
  | 'REDIS_URL'
>;

/** A client that waits longer has its answer sooner elsewhere. */
const LONGEST_WAIT_MS = 2_000;
const MINUTE_MS = 60_000;
const NO_RATES: ReadonlyMap<string, boolean> = new Map();
const KEY_PREFIX = 'aduana:';

/**
 * Limits by who the caller is (issuer and subject), whatever token or connection it uses; where replicas count together,
 * each has its share of the caller's places.
 */
export function createCallerLimits(settings: Settings, platform: Platform): CallerLimits {
  const perMinute = settings.RATE_LIMIT_PER_MINUTE;
  const counter = createRateCounter(settings.REDIS_URL, platform);
  const { LIMIT_CONCURRENT_OPERATIONS: limit } = settings;
  const own = createPlaces(() =>
    limit === 'off' ? Infinity : Math.max(1, Math.floor(limit / counter.replicas)),
  );
  const all = createOperationPlaces(settings, platform);
  return {
    async enter({ claims }, client) {
      const key = keyOf(claims);
      own.take(key);
      try {
        if (perMinute !== 'off') await takeOne(counter, key, perMinute);
        if (all?.tryTake() === false) await all.take(LONGEST_WAIT_MS, client?.signal);
      } catch (error) {
        own.leave(key);
        throw error;
      }
      let left = false;
      return () => {
        if (left) return;
        left = true;
        own.leave(key);
        all?.leave();
      };
    },
    async countBatch({ claims }, operations) {
      if (perMinute === 'off') return;
      for (let counted = 1; counted < operations; counted += 1)
        await takeOne(counter, keyOf(claims), perMinute);
    },
    async countRates({ claims }, conditions) {
      if (conditions.length === 0) return NO_RATES;
      const verdicts = conditions.map(async ({ name, limit, perSeconds }) => {
        const { allowed } = await counter.take(`${name}:${keyOf(claims)}`, limit, perSeconds * 1000);
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

const keys = new WeakMap<Caller['claims'], string>();

function keyOf(claims: Caller['claims']): string {
  let key = keys.get(claims);
  if (key === undefined) {
    key = sha256Base64url(JSON.stringify([claims.sub_iss, claims.sub]));
    keys.set(claims, key);
  }
  return key;
}

/** The rate counter of a gateway: shared through Redis where there is one. */
export function createRateCounter(
  redisUrl: string | undefined,
  { clock, log }: Pick<Platform, 'clock' | 'log'>,
): RateCounter {
  return redisUrl === undefined
    ? createInProcessRateCounter(clock)
    : createRedisRateCounter(redisUrl, KEY_PREFIX, clock, log);
}

async function takeOne(counter: RateCounter, key: string, perMinute: number): Promise<void> {
  const { allowed, retryAfterMilliseconds } = await counter.take(key, perMinute, MINUTE_MS);
  if (!allowed)
    throw new SecurityError('RATE_LIMITED', { retryAfterSeconds: Math.ceil(retryAfterMilliseconds / 1000) });
}

/** The places of all callers together. */
function createOperationPlaces(settings: Settings, platform: Platform): QueuedPlaces | undefined {
  const { clock, metrics } = platform;
  const { LIMIT_OPERATIONS_IN_PROGRESS: places, LIMIT_OPERATIONS_WAITING: waiting } = settings;
  if (places === 'off') return undefined;
  const refused = metrics.counter(
    'aduana_operations_refused_total',
    'Operations for which there was no place',
  );
  const tell = createOverloadLog(platform, 'more operations are asked for than there are places');
  const all = createQueuedPlaces({
    places,
    waiting,
    clock,
    name: 'an operation',
    onRefuse() {
      refused.inc();
      tell();
    },
  });
  metrics.gauge('aduana_operations_in_progress', 'Operations under way', [], (gauge) => {
    gauge.set(all.taken);
  });
  metrics.gauge('aduana_operations_waiting', 'Operations that wait for a place', [], (gauge) => {
    gauge.set(all.waiting);
  });
  return all;
}

interface CallerPlaces {
  /** @throws SecurityError `CONCURRENCY_LIMITED` */
  take(key: string): void;
  leave(key: string): void;
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
