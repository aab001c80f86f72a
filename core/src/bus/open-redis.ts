import { Redis } from 'ioredis';
import { describeError, type Log } from '../platform/log.ts';

/** A connection for commands that nobody may wait long for: while Redis is away each fails at once. */
export function openRedis(url: string, log: Log): Redis {
  const redis = new Redis(url, {
    lazyConnect: false,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: 2000,
    commandTimeout: 500,
    retryStrategy: (attempt: number) => Math.min(attempt * 100, 2000),
  });
  redis.on('error', (error) => {
    log.debug('Redis is away', { error: describeError(error) });
  });
  return redis;
}
