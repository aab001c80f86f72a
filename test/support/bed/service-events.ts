import { setTimeout as wait } from 'node:timers/promises';
import type { Bed } from './bed.ts';
import { startBusyClients } from './paced-load.ts';
import type { Event } from './play.ts';
import type { ServiceHost } from './service-hosts.ts';

/** Every replica of what has two. */
const REPLICAS = ['gateway1', 'sts1', 'audit1', 'gateway2', 'sts2', 'audit2'] as const;
const LONGER_THAN_STATUS_SECONDS = 75;

/** What befalls the product's replicas, and the gateway's ways to the others. */
export const SERVICE_EVENTS: readonly Event[] = [
  {
    name: 'kill -9 of 7 replicas in turn',
    cutsClients: true,
    happen: (bed) => inTurn(bed, [...REPLICAS, 'admin'], (host) => bed.services.kill(host)),
  },
  ...(['gateway1', 'sts1', 'audit1'] as const).map((replica) => ({
    name: `a replica of ${replica.slice(0, -1)} frozen for 5 s`,
    async happen({ hosts }: Bed) {
      await hosts[replica].signal('SIGSTOP');
      await wait(5000);
      await hosts[replica].signal('SIGCONT');
    },
  })),
  {
    name: '6 rolling SIGTERM behind HAProxy',
    happen: (bed) => inTurn(bed, REPLICAS, (host) => bed.services.restart(host)),
  },
  {
    name: '4 SIGTERM of a gateway, 8 busy keep-alive clients, no balancer',
    load: ({ services }) => startBusyClients(services, 'gateway1'),
    happen: (bed) => inTurn(bed, Array<'gateway1'>(4).fill('gateway1'), (host) => bed.services.restart(host)),
  },
  {
    name: 'a gateway cut from Redis 15 s',
    async happen({ hosts }) {
      for (const host of ['redis1', 'redis2'] as const) await hosts.gateway1.cut(host, 6379);
      await wait(15_000);
      await hosts.gateway1.mend();
    },
  },
  { name: 'a gateway cut from audit 20 s', happen: (bed) => cutGateway(bed, 8012, 20) },
  {
    name: `a gateway cut from STS ${String(LONGER_THAN_STATUS_SECONDS)} s`,
    happen: (bed) => cutGateway(bed, 8011, LONGER_THAN_STATUS_SECONDS),
  },
  { name: 'kill -9 of the Redis master, Sentinels', happen: ({ redis }) => redis.killMaster() },
  {
    name: 'kill -9 of a master of a Redis Cluster',
    async prepare({ redis, services }) {
      await redis.startCluster();
      await services.restartAll({ REDIS_URL: redis.clusterUrl });
    },
    happen: ({ redis }) => redis.killClusterMaster(),
  },
];

async function inTurn(
  { services }: Bed,
  replicas: readonly ServiceHost[],
  happen: (host: ServiceHost) => Promise<unknown>,
): Promise<void> {
  for (const host of replicas) {
    await happen(host);
    await services.untilHealthy();
  }
}

async function cutGateway({ hosts }: Bed, port: number, seconds: number): Promise<void> {
  await hosts.gateway1.cut('balancer', port);
  await wait(seconds * 1000);
  await hosts.gateway1.mend();
}
