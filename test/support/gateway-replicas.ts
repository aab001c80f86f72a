import type { Redis } from 'ioredis';
import { until } from './until.ts';

/** When each replica announced itself last, by its id. */
async function heartbeats(redis: Redis): Promise<ReadonlyMap<string, number>> {
  const [key = ''] = await redis.keys('aduana:*replicas');
  const announcements = await redis.zrange(key, '0', '-1');
  return new Map(
    announcements
      .map((text) => JSON.parse(text.slice(text.indexOf('.') + 1)) as [id: string, at: number])
      .sort(([, one], [, other]) => one - other),
  );
}

/** Waits until two gateways have met: each knows of the other once it has sent a heartbeat while both were there. */
export async function untilReplicasMet(redis: Redis): Promise<void> {
  await until(async () => (await heartbeats(redis)).size === 2);
  const before = await heartbeats(redis);
  await until(async () => [...(await heartbeats(redis))].every(([id, at]) => at > (before.get(id) ?? at)));
}

/** Removes what gateways of earlier runs counted together. */
export async function forgetCounters(redis: Redis): Promise<void> {
  const keys = await redis.keys('aduana:*');
  if (keys.length > 0) await redis.del(...keys);
}
