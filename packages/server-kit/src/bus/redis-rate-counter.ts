import type { Presence } from '@aduana/core/mtls/signed-presence';
import type { Clock } from '@aduana/core/platform/clock';
import { every } from '@aduana/core/platform/every';
import { describeError, type Log } from '@aduana/core/platform/log';
import { createInProcessRateCounter } from './in-process-rate-counter.ts';
import { openRedis } from './open-redis.ts';
import type { RateCounter, RateVerdict } from './rate-counter.ts';

const HEARTBEAT_MS = 5_000;
const MISSED_HEARTBEATS = 3;
/** How long an announcement of a replica counts. */
export const PRESENCE_MS = HEARTBEAT_MS * MISSED_HEARTBEATS;
/** The newest, three of each replica: what else is written there costs no more than that to look at. */
const ANNOUNCEMENTS_READ = 256;
/** All of them, in bytes. */
const ANNOUNCED_BYTES = 512 * 1024;

export interface RedisRateCounterOptions {
  readonly url: string;
  /** Of the keys. */
  readonly prefix: string;
  /** Proves that an entry was written by a replica, and not by others who can write there. */
  readonly presence: Presence;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The list holds the times of the last `limit` that were allowed, newest first; the next one is allowed when the list
 * is not full or its oldest time has left the window. Time is the server's, so that replicas agree.
 */
const TAKE = `
local now = redis.call('TIME')
local at = now[1] * 1000 + math.floor(now[2] / 1000)
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
if limit < 1 then return window end
local oldest = redis.call('LINDEX', KEYS[1], limit - 1)
if oldest and tonumber(oldest) + window > at then return tonumber(oldest) + window - at end
redis.call('LPUSH', KEYS[1], at)
redis.call('LTRIM', KEYS[1], 0, limit - 1)
redis.call('PEXPIRE', KEYS[1], window)
return 0`;

const BEAT = `
local now = tonumber(redis.call('TIME')[1])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
redis.call('EXPIRE', KEYS[1], ARGV[2])
local newest = redis.call('ZRANGE', KEYS[1], -tonumber(ARGV[3]), -1)
local found, room = {}, tonumber(ARGV[4])
for at = #newest, 1, -1 do
  if #newest[at] <= room then
    room = room - #newest[at]
    found[#found + 1] = newest[at]
  end
end
return found`;

/**
 * The count that replicas share. While Redis is away each replica goes on alone with its share of the limit, by the
 * number of replicas that were last seen.
 */
export function createRedisRateCounter({
  url,
  prefix,
  presence,
  clock,
  log,
}: RedisRateCounterOptions): RateCounter {
  const redis = openRedis(url, log);
  const own = createInProcessRateCounter(clock);
  let replicas = 1;
  let state: RateCounter['state'] = 'ok';

  function become(next: RateCounter['state'], error?: unknown): void {
    if (next === state) return;
    state = next;
    if (next === 'ok') log.info('rates are counted together with the other replicas again');
    else
      log.warn('Redis is away: each replica has its share of the rates', {
        replicas,
        error: describeError(error),
      });
  }
  const heartbeat = every(
    clock,
    () => HEARTBEAT_MS,
    async () => {
      const values = [presence.announce(), PRESENCE_MS / 1000, ANNOUNCEMENTS_READ, ANNOUNCED_BYTES];
      const found = await redis.eval(BEAT, 1, `${prefix}replicas`, ...values);
      replicas = Math.max(1, presence.count((found as unknown[]).map(String)));
      become('ok');
    },
    (error) => {
      become('alone', error);
    },
  );
  redis.on('ready', () => {
    heartbeat.wake();
  });

  return {
    async take(key, limit, windowMilliseconds): Promise<RateVerdict> {
      try {
        const wait = Number(await redis.eval(TAKE, 1, `${prefix}rate:${key}`, limit, windowMilliseconds));
        become('ok');
        return { allowed: wait === 0, retryAfterMilliseconds: wait };
      } catch (error) {
        become('alone', error);
        return own.take(key, Math.max(1, Math.floor(limit / replicas)), windowMilliseconds);
      }
    },
    get state() {
      return state;
    },
    get replicas() {
      return replicas;
    },
    async close() {
      await heartbeat.stop();
      redis.disconnect();
    },
  };
}
