import { Cluster, Redis } from 'ioredis';
import { redisServers, type RedisServers } from '../platform/redis-url.ts';
import { connectorToNext, GuardedConnector, GuardedSentinelConnector } from './redis-connectors.ts';

const CONNECT_TIMEOUT_MS = 2000;
const MOST_RETRY_MS = 2000;
const SENTINEL_TIMEOUT_MS = 1000;

const CONNECTION = {
  lazyConnect: false,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  connectTimeout: CONNECT_TIMEOUT_MS,
  retryStrategy: retryDelay,
  // a master that has become a replica: look for the new one
  reconnectOnError: (error: Error) => error.message.includes('READONLY'),
} as const;

/** What is peculiar to a use of Redis. */
interface Use {
  readonly commandTimeout?: number;
  readonly autoResubscribe?: boolean;
}

/** A connection for commands on keys, to whichever server has them now. */
export function connectRedis(url: string, use: Use): Redis | Cluster {
  const servers = redisServers(url);
  if (servers.kind !== 'cluster') return connectOne(servers, use);
  const cluster = new Cluster([...servers.addresses], {
    enableOfflineQueue: false,
    clusterRetryStrategy: retryDelay,
    slotsRefreshTimeout: CONNECT_TIMEOUT_MS,
    maxRedirections: 4,
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    redisOptions: {
      ...loginOf(servers),
      connectTimeout: CONNECT_TIMEOUT_MS,
      Connector: GuardedConnector,
      ...use,
    },
  });
  // its own connection for messages, which nobody uses, would be one that is not guarded
  Reflect.set(Reflect.get(cluster, 'subscriber') as object, 'start', () => undefined);
  return cluster;
}

/** A connection for messages: every node of a Cluster passes them on to the others. */
export function connectRedisForMessages(url: string, use: Use): Redis {
  return connectOne(redisServers(url), use);
}

function connectOne(servers: RedisServers, use: Use): Redis {
  const { kind, addresses, tls, database: db, sentinel } = servers;
  const common = { ...CONNECTION, ...loginOf(servers), db, ...use };
  if (kind === 'sentinel' && sentinel !== undefined)
    return keepConnecting(
      new Redis({
        ...common,
        sentinels: [...addresses],
        name: sentinel.name,
        role: 'master',
        ...(sentinel.username === undefined ? {} : { sentinelUsername: sentinel.username }),
        ...(sentinel.password === undefined ? {} : { sentinelPassword: sentinel.password }),
        sentinelCommandTimeout: SENTINEL_TIMEOUT_MS,
        failoverDetector: true,
        Connector: GuardedSentinelConnector,
        ...(sentinel.masters === undefined ? {} : onlyMasters(sentinel.masters)),
        ...(tls ? { enableTLSForSentinelMode: true, sentinelTLS: {} } : {}),
      }),
    );
  if (kind === 'cluster') return new Redis({ ...common, Connector: connectorToNext(addresses) });
  return new Redis({ ...common, ...addresses[0], Connector: GuardedConnector });
}

/** Who controls a Sentinel names no other host to log in to: neither as the master nor as another Sentinel. */
function onlyMasters(masters: readonly string[]) {
  const listed = new Set(masters.map((master) => master.replace(/[[\]]/g, '')));
  return {
    updateSentinels: false,
    natMap(address: string) {
      const named = address.toLowerCase();
      if (listed.has(named) || listed.has(named.slice(0, named.lastIndexOf(':')))) return null;
      throw new Error('a Sentinel names a master that REDIS_URL does not list');
    },
  };
}

function loginOf({ username, password, tls }: RedisServers) {
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
  };
}

/**
 * Begins anew where ioredis gives up: its failover detector ends the attempt that is under way, and the client with it, if
 * Sentinel names the new master while the client looks for one.
 */
function keepConnecting(client: Redis): Redis {
  let isClosed = false;
  const disconnect = client.disconnect.bind(client);
  client.disconnect = (reconnect = false) => {
    isClosed ||= !reconnect;
    disconnect(reconnect);
  };
  client.on('end', () => {
    setTimeout(() => {
      if (!isClosed) client.connect().catch(() => undefined); // what failed ends again
    }, retryDelay(1));
  });
  return client;
}

function retryDelay(attempt: number): number {
  return Math.min(attempt * 100, MOST_RETRY_MS);
}
