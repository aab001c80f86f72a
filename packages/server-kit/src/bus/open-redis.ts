import type { Cluster, Redis } from 'ioredis';
import { describeError, type Log } from '@aduana/core/platform/log';
import { connectRedis } from './connect-redis.ts';

/** A connection for commands that nobody may wait long for: while Redis is away each fails at once. */
export function openRedis(url: string, log: Log): Redis | Cluster {
  const redis = connectRedis(url, { commandTimeout: 500 });
  redis.on('error', (error: unknown) => {
    log.debug('Redis is away', { error: describeError(error) });
  });
  return redis;
}
