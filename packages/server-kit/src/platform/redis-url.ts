import { parseMultiHostUrl } from './multi-host-url.ts';

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

/** Where Redis is: one server, the master that Sentinels name, or a Cluster; with the login of its data nodes. */
export interface RedisServers {
  readonly kind: 'server' | 'sentinel' | 'cluster';
  /** The server; the Sentinels; nodes of the Cluster. */
  readonly addresses: readonly RedisAddress[];
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  /** The Sentinels' name for the master, and the login at the Sentinels themselves. */
  readonly sentinel:
    | {
        readonly name: string;
        readonly username: string | undefined;
        readonly password: string | undefined;
        /** The only masters that they may name, as `host` or `host:port`; undefined for any. */
        readonly masters: readonly string[] | undefined;
      }
    | undefined;
}

const REDIS_PORT = 6379;
const SENTINEL_PORT = 26_379;
const KINDS: Readonly<Record<string, RedisServers['kind']>> = {
  'redis:': 'server',
  'rediss:': 'server',
  'redis+sentinel:': 'sentinel',
  'rediss+sentinel:': 'sentinel',
  'redis+cluster:': 'cluster',
  'rediss+cluster:': 'cluster',
};
const MASTERS = 'masters';
const SENTINEL_PARAMETERS = ['sentinel_username', 'sentinel_password', MASTERS];
/** `host`, `host:port`, `1.2.3.4:port` or `[::1]:port`. */
const MASTER = /^(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/;
const FORMS =
  'is none of redis://host:6379/0, redis+sentinel://host1:26379,host2:26379/master/0, redis+cluster://host1:6379,host2:6379, nor rediss... with TLS';

/**
 * The servers of a URL in which `redisUrlProblem` finds none.
 *
 * @throws TypeError for another
 */
export function redisServers(url: string): RedisServers {
  const servers = parseRedisUrl(url);
  if (typeof servers === 'string') throw new TypeError(`the URL of Redis ${servers}`);
  return servers;
}

/** What is wrong with a URL, without any part of it that may be secret. */
export function redisUrlProblem(url: string): string | undefined {
  const servers = parseRedisUrl(url);
  return typeof servers === 'string' ? servers : undefined;
}

/** @returns a problem where the form is not understood */
function parseRedisUrl(text: string): RedisServers | string {
  const urls = parseMultiHostUrl(text);
  const first = urls?.[0];
  const kind = KINDS[first?.protocol ?? ''];
  if (urls === undefined || first === undefined || kind === undefined) return FORMS;
  if (kind === 'server' && urls.length > 1)
    return 'names several hosts; of Sentinels it begins with redis+sentinel://, of a Cluster with redis+cluster://';
  const allowed = kind === 'sentinel' ? SENTINEL_PARAMETERS : [];
  if ([...first.searchParams.keys()].some((name) => !allowed.includes(name)))
    return kind === 'sentinel'
      ? `has a parameter that is not understood; remove all but ${SENTINEL_PARAMETERS.join(', ')}`
      : 'has a parameter, and none is understood; remove it';
  const masters = first.searchParams.get(MASTERS)?.toLowerCase().split(',');
  if (masters?.every((master) => MASTER.test(master)) === false)
    return 'lists masters that are no hosts; write them as masters=host1,host2:6380';
  const path = first.pathname.split('/').slice(1);
  const name = kind === 'sentinel' ? decodeURIComponent(path.shift() ?? '') : undefined;
  if (name === '')
    return 'does not name the master that the Sentinels watch; write it as redis+sentinel://host:26379/master';
  const [database = '', ...rest] = path;
  if (!/^\d{0,4}$/.test(database) || rest.length > 0)
    return 'ends in what is no number of a database, such as 0';
  if (kind === 'cluster' && Number(database) !== 0)
    return 'names a database, and a Cluster has number 0 alone; remove it';
  return {
    kind,
    addresses: urls.map((url) => ({
      host: url.hostname.replace(/^\[|\]$/g, '') || 'localhost',
      port: Number(url.port) || (kind === 'sentinel' ? SENTINEL_PORT : REDIS_PORT),
    })),
    tls: first.protocol.startsWith('rediss'),
    username: decoded(first.username),
    password: decoded(first.password),
    database: Number(database),
    sentinel:
      name === undefined
        ? undefined
        : {
            name,
            username: first.searchParams.get('sentinel_username') ?? undefined,
            password: first.searchParams.get('sentinel_password') ?? undefined,
            masters,
          },
  };
}

function decoded(part: string): string | undefined {
  return part === '' ? undefined : decodeURIComponent(part);
}
