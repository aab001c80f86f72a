import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createSpentProofs } from '@aduana/core/tokens/spent-proofs';
import { connectRedis } from '@aduana/server-kit/bus/connect-redis';
import { createRedisBus } from '@aduana/server-kit/bus/redis-bus';
import { createRedisRateCounter } from '@aduana/server-kit/bus/redis-rate-counter';
import { createRedisSpentIds } from '@aduana/server-kit/bus/redis-spent-ids';
import { createLog } from '@aduana/server-kit/platform/create-log';
import {
  describeRedisServers,
  openRedisServers,
  type RedisServer,
  type RedisServers,
  SENTINEL_LOGIN,
  startRedisCluster,
} from '../../../support/redis-servers.ts';
import { until } from '../../../support/until.ts';

const clock = createSystemClock();
const log = createLog('silent', () => undefined);
/** As `deploy/redis/users.acl`, of all services in one. */
const USER = `user aduana on >s3cret ~aduana:* &aduana:* -@all +info +ping +subscribe +unsubscribe +publish +eval +time +set +lindex +lpush +ltrim +pexpire +zadd +zremrangebyscore +zrange +expire`;
const CLUSTER_USER = `${USER} +cluster|slots +cluster|info +readonly +readwrite`;

let servers: RedisServers;
beforeAll(async () => {
  servers = await openRedisServers();
});
afterAll(() => servers.close());

/** All that the services use Redis for, two replicas of it. */
function openUses(url: string) {
  const replica = () => {
    const bus = createRedisBus(url, 'aduana:', { clock, log });
    const spent = createRedisSpentIds({ url, prefix: 'aduana:', own: createSpentProofs(clock), clock, log });
    const presence = { announce: () => 'one', count: () => 1 };
    const rates = createRedisRateCounter({ url, prefix: 'aduana:', presence, clock, log });
    const heard = { times: 0 };
    bus.subscribe('revoked', () => (heard.times += 1));
    return { bus, spent, rates, heard };
  };
  const [one, two] = [replica(), replica()];
  return {
    one,
    two,
    /** Whether ids and rates are shared, and what one publishes wakes the other. */
    async isShared(): Promise<boolean> {
      const id = randomBytes(8).toString('hex');
      const before = two.heard.times;
      one.bus.publish('revoked');
      const first = await one.spent.spend(id, clock.now() + 60_000);
      const second = await two.spent.spend(id, clock.now() + 60_000);
      const taken = await one.rates.take(id, 1, 60_000);
      const refused = await two.rates.take(id, 1, 60_000);
      const states = [one.spent.state, two.spent.state, one.rates.state, two.rates.state];
      if (!first || second || !taken.allowed || refused.allowed || states.includes('alone')) return false;
      for (let wait = 0; wait < 100 && two.heard.times <= before; wait += 1) await clock.sleep(10);
      return two.bus.connected && two.heard.times > before;
    },
    async close() {
      for (const { bus, spent, rates } of [one, two])
        await Promise.all([bus.close(), spent.close(), rates.close()]);
    },
  };
}

describeRedisServers('Redis behind Sentinels', () => {
  let master: RedisServer;
  let url: string;
  let uses: ReturnType<typeof openUses>;

  beforeAll(async () => {
    master = await servers.start('server', [USER]);
    const replica = await servers.start('server', [USER, `replicaof 127.0.0.1 ${String(master.port)}`]);
    await until(async () =>
      (await servers.ask(replica.port, 'INFO', 'replication')).includes('link_status:up'),
    );
    const sentinel = await servers.start('sentinel', [
      `user watcher on >w4tch ~* &* -@all +auth +hello +ping +sentinel|get-master-addr-by-name +sentinel|sentinels +subscribe`,
      `sentinel monitor mymaster 127.0.0.1 ${String(master.port)} 1`,
      'sentinel down-after-milliseconds mymaster 500',
      'sentinel failover-timeout mymaster 2000',
      ...SENTINEL_LOGIN,
    ]);
    await until(async () => (await servers.ask(sentinel.port, 'SENTINEL', 'REPLICAS', 'mymaster')).includes(String(replica.port))); // prettier-ignore
    const sentinels = `127.0.0.1:1,127.0.0.1:${String(sentinel.port)}`; // the first is not there
    url = `redis+sentinel://aduana:s3cret@${sentinels}/mymaster?sentinel_username=watcher&sentinel_password=w4tch`;
    uses = openUses(url);
  }, 60_000);
  afterAll(() => uses.close());

  test('the master that they name serves, with a login of its own', async () => {
    await until(() => uses.isShared());
  }, 30_000);

  test('a new master that is named while a client looks for one does not end the client', async () => {
    const client = connectRedis(url, {}) as Redis;
    client.on('error', () => undefined);
    await until(() => client.status === 'ready');
    const ended = new Promise<void>((resolve) => client.once('end', resolve));
    client.once('connecting', () => {
      // as the failover detector of ioredis does
      (client as unknown as { connector: { disconnect(): void } }).connector.disconnect();
    });
    client.stream.destroy();
    await ended;
    await until(() => client.status === 'ready');
    client.disconnect();
  }, 30_000);

  test('after the master was killed its successor serves', async () => {
    await master.kill();
    await until(async () => !(await uses.isShared()));
    await until(() => uses.isShared());
  }, 60_000);
});

describeRedisServers('Redis Cluster', () => {
  let nodes: readonly RedisServer[];
  let uses: ReturnType<typeof openUses>;

  beforeAll(async () => {
    nodes = await startRedisCluster(servers, [CLUSTER_USER]);
    const seeds = nodes.map(({ port }) => `127.0.0.1:${String(port)}`).slice(0, 2);
    uses = openUses(`redis+cluster://aduana:s3cret@127.0.0.1:1,${seeds.join(',')}`);
  }, 60_000);
  afterAll(() => uses.close());

  test('keys are counted at the node that has their slot, and messages reach whoever listens', async () => {
    await until(() => uses.isShared());
    for (let round = 0; round < 12; round += 1) expect(await uses.isShared()).toBe(true);
  }, 30_000);

  test('the loss of the node that one listens at is survived by listening at the next', async () => {
    await nodes[0]?.kill();
    const before = uses.two.heard.times;
    await until(() => {
      uses.one.bus.publish('revoked');
      return uses.two.bus.connected && uses.two.heard.times > before + 3;
    });
  }, 60_000);
});
