import { createInProcessRateCounter } from '@aduana/core/bus/in-process-rate-counter';
import type { RateCounter } from '@aduana/core/bus/rate-counter';
import { createRedisRateCounter } from '@aduana/core/bus/redis-rate-counter';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { RateCondition } from '@aduana/core/iam/compile';
import { sha256Base64url } from '@aduana/core/platform/digest';
import type { Platform } from '@aduana/core/platform/platform';
import type { GatewaySettings } from '../../config.ts';
import type { Caller } from '../stages.ts';

/** How much one caller may ask at once and in a minute. */
export interface CallerLimits {
  /**
   * Takes a place for one operation of the caller.
   *
   * @returns gives the place back
   * @throws SecurityError `CONCURRENCY_LIMITED` or `RATE_LIMITED`, with when to try again
   */
  enter(caller: Caller): Promise<() => void>;
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

type Settings = Pick<GatewaySettings, 'LIMIT_CONCURRENT_OPERATIONS' | 'RATE_LIMIT_PER_MINUTE' | 'REDIS_URL'>;

const MINUTE_MS = 60_000;
const NO_RATES: ReadonlyMap<string, boolean> = new Map();
const KEY_PREFIX = 'aduana:';

/** Limits by who the caller is (issuer and subject), whatever token or connection it uses. */
export function createCallerLimits(
  settings: Settings,
  platform: Pick<Platform, 'clock' | 'log'>,
): CallerLimits {
  const perMinute = settings.RATE_LIMIT_PER_MINUTE;
  const counter = createRateCounter(settings.REDIS_URL, platform);
  const places = createPlaces(settings.LIMIT_CONCURRENT_OPERATIONS);
  return {
    async enter({ claims }) {
      const key = keyOf(claims);
      const leave = places(key);
      try {
        if (perMinute !== 'off') await takeOne(counter, key, perMinute);
        return leave;
      } catch (error) {
        leave();
        throw error;
      }
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

function keyOf({ sub_iss, sub }: Caller['claims']): string {
  return sha256Base64url(JSON.stringify([sub_iss, sub]));
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

function createPlaces(limit: number | 'off'): (key: string) => () => void {
  const taken = new Map<string, number>();
  return (key) => {
    const count = taken.get(key) ?? 0;
    if (limit !== 'off' && count >= limit)
      throw new SecurityError('CONCURRENCY_LIMITED', { retryAfterSeconds: 1 });
    taken.set(key, count + 1);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const rest = (taken.get(key) ?? 1) - 1;
      if (rest === 0) taken.delete(key);
      else taken.set(key, rest);
    };
  };
}
