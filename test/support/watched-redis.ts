import { openRedisServers, SENTINEL_LOGIN } from './redis-servers.ts';
import { until } from './until.ts';

/** What every service together may do. */
export const SERVICES_USER = `user aduana on >s3cret ~aduana:* &aduana:* -@all +info +ping +subscribe +unsubscribe +publish +eval +time +set +lindex +lpush +ltrim +pexpire +zadd +zremrangebyscore +zrange +expire`;
export const WATCHER = `user watcher on >w4tch ~* &* -@all +auth +hello +ping +sentinel|get-master-addr-by-name +sentinel|sentinels +subscribe`;

/** A master and a replica of Redis, and three Sentinels of which two agree. */
export interface WatchedRedis {
  readonly url: string;
  close(): Promise<void>;
}

export async function openWatchedRedis(): Promise<WatchedRedis> {
  const servers = await openRedisServers();
  const master = await servers.start('server', [SERVICES_USER]);
  const replica = await servers.start('server', [
    SERVICES_USER,
    `replicaof 127.0.0.1 ${String(master.port)}`,
  ]);
  await until(async () =>
    (await servers.ask(replica.port, 'INFO', 'replication')).includes('link_status:up'),
  );
  const sentinels: number[] = [];
  for (let count = 0; count < 3; count += 1) {
    const { port } = await servers.start('sentinel', [
      WATCHER,
      `sentinel monitor mymaster 127.0.0.1 ${String(master.port)} 2`,
      'sentinel down-after-milliseconds mymaster 1000',
      'sentinel failover-timeout mymaster 3000',
      ...SENTINEL_LOGIN,
    ]);
    sentinels.push(port);
  }
  for (const port of sentinels)
    await until(async () => {
      const known = await servers.ask(port, 'SENTINEL', 'MASTER', 'mymaster');
      return /num-slaves\n1/.test(known) && /num-other-sentinels\n2/.test(known);
    });
  const hosts = sentinels.map((port) => `127.0.0.1:${String(port)}`).join(',');
  return {
    url: `redis+sentinel://aduana:s3cret@${hosts}/mymaster?sentinel_username=watcher&sentinel_password=w4tch`,
    close: () => servers.close(),
  };
}
