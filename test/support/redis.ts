import { Redis } from 'ioredis';
import { describeWith, isProbing } from './foreign-parts.ts';

const STANDARD_URL = 'redis://127.0.0.1:6379';

/** Where Redis answers: `REDIS_URL`, else the standard loopback port without a password. */
export const redisUrl = await findRedis();

async function findRedis(): Promise<string | undefined> {
  const url = process.env['REDIS_URL'] ?? (isProbing ? STANDARD_URL : undefined);
  if (url === undefined) return undefined;
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, connectTimeout: 1_000 });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    await redis.ping();
    return url;
  } catch (error) {
    if (process.env['REDIS_URL'] !== undefined) throw error;
    return undefined;
  } finally {
    redis.disconnect();
  }
}

/** A suite that only a real Redis can run. */
export function describeRedis(name: string, suite: () => void): void {
  describeWith('Redis', redisUrl !== undefined, name, suite);
}
