import type { Clock } from '@aduana/core/platform/clock';
import { describeError, type Log } from '@aduana/core/platform/log';
import { openRedis } from './open-redis.ts';
import type { SpentIds } from './spent-ids.ts';

export interface RedisSpentIdsOptions {
  readonly url: string;
  /** Of the keys. */
  readonly prefix: string;
  /** What this replica has seen itself: asked first, and alone while Redis is away. */
  readonly own: (id: string, expiresAt: number) => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

/** Ids that one of several replicas has seen are used for all of them. */
export function createRedisSpentIds({ url, prefix, own, clock, log }: RedisSpentIdsOptions): SpentIds {
  const redis = openRedis(url, log);
  let state: SpentIds['state'] = 'ok';

  function become(next: SpentIds['state'], error?: unknown): void {
    if (next === state) return;
    state = next;
    if (next === 'ok') log.info('used ids are shared with the other replicas again');
    else
      log.warn('Redis is away: each replica knows only the ids that it has seen', {
        error: describeError(error),
      });
  }
  redis.on('ready', () => {
    become('ok');
  });

  return {
    async spend(id, expiresAt) {
      if (!own(id, expiresAt)) return false;
      const lifeMilliseconds = Math.max(1, Math.ceil(expiresAt - clock.now()));
      try {
        const answer = await redis.set(`${prefix}spent:${id}`, '', 'PX', lifeMilliseconds, 'NX');
        become('ok');
        return answer === 'OK';
      } catch (error) {
        become('alone', error);
        return true;
      }
    },
    get state() {
      return state;
    },
    close() {
      redis.disconnect();
      return Promise.resolve();
    },
  };
}
