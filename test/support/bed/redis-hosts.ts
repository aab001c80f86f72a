import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ADMIN, FOLLOWING, SENTINEL_LOGIN, USERS } from '../redis-servers.ts';
import { SERVICES_USER, WATCHER } from '../watched-redis.ts';
import { until } from '../until.ts';
import type { Host, HostProcess } from './host.ts';
import { addressOf, run } from './network.ts';

const SENTINELS = ['sentinel1', 'sentinel2', 'sentinel3'] as const;
const PORT = 6379;
const SENTINEL_PORT = 26_379;
const CLUSTER_USER = `${SERVICES_USER} +cluster|slots +cluster|info +readonly +readwrite`;
const LOGIN = 'aduana:s3cret';

type RedisHost = 'redis1' | 'redis2' | (typeof SENTINELS)[number];

interface Node {
  readonly host: RedisHost;
  readonly port: number;
}

interface Server extends Node {
  process: HostProcess;
  readonly begin: () => HostProcess;
}

const NODES: readonly Node[] = [7000, 7001].flatMap((port) => SENTINELS.map((host) => ({ host, port })));

/** A master with a replica that three Sentinels watch, and beside them a Cluster of three masters with a replica each. */
export interface RedisHosts {
  readonly sentinelUrl: string;
  readonly clusterUrl: string;
  /** SIGKILL to the master; resolves once every Sentinel names the other one. */
  killMaster(): Promise<void>;
  /** Starts the Cluster. */
  startCluster(): Promise<void>;
  /** SIGKILL to one master of the Cluster; resolves once its replica has its slots. */
  killClusterMaster(): Promise<void>;
  /** Starts what was killed. */
  restart(): Promise<void>;
}

export async function startRedis(hosts: Record<RedisHost, Host>, folder: string): Promise<RedisHosts> {
  const started: Server[] = [];

  async function start(command: string, host: RedisHost, port: number, lines: readonly string[]): Promise<void> {
    const file = join(folder, `${host}-${String(port)}.conf`);
    const own = [`port ${String(port)}`, `bind ${addressOf(host)}`, `dir ${folder}`, 'save ""', 'protected-mode no'];
    await writeFile(file, [...own, ...USERS, ...lines].join('\n'));
    const server: Server = { host, port, process: hosts[host].start([command, file]), begin: () => hosts[host].start([command, file]) };
    started.push(server);
    await untilAnswering(server);
  } // prettier-ignore
  const kill = async (node: Node): Promise<void> => {
    const server = started.find(({ host, port }) => host === node.host && port === node.port);
    await server?.process.end('SIGKILL');
  };

  await startWatched(start);
  return {
    sentinelUrl: `redis+sentinel://${LOGIN}@${SENTINELS.map((host) => `${host}:${String(SENTINEL_PORT)}`).join(',')}/mymaster?sentinel_username=watcher&sentinel_password=w4tch`,
    clusterUrl: `redis+cluster://${LOGIN}@${SENTINELS.map((host) => `${host}:7000`).join(',')}`,
    async killMaster() {
      const before = await masterNamedBy('sentinel1');
      const host = before.startsWith(`${addressOf('redis1')}\n`) ? 'redis1' : 'redis2';
      await kill({ host, port: PORT });
      for (const sentinel of SENTINELS) await until(async () => (await masterNamedBy(sentinel)) !== before);
    },
    startCluster: () => startCluster(start),
    async killClusterMaster() {
      const master = await clusterMaster();
      await kill(master);
      const witness = NODES.find(({ host }) => host !== master.host) ?? master;
      await until(async () => mastersIn(await ask(witness, 'CLUSTER', 'NODES')) === SENTINELS.length);
    },
    async restart() {
      for (const server of started.filter(({ process }) => process.hasEnded)) {
        server.process = server.begin();
        await untilAnswering(server);
      }
    },
  };
}

type Start = (command: string, host: RedisHost, port: number, lines: readonly string[]) => Promise<void>;

async function startWatched(start: Start): Promise<void> {
  const master = `${addressOf('redis1')} ${String(PORT)}`;
  await start('redis-server', 'redis1', PORT, [...FOLLOWING, SERVICES_USER]);
  await start('redis-server', 'redis2', PORT, [...FOLLOWING, SERVICES_USER, `replicaof ${master}`]);
  for (const host of SENTINELS)
    await start('redis-sentinel', host, SENTINEL_PORT, [
      WATCHER,
      `sentinel monitor mymaster ${master} 2`,
      'sentinel down-after-milliseconds mymaster 2000',
      'sentinel failover-timeout mymaster 5000',
      ...SENTINEL_LOGIN,
    ]);
  for (const host of SENTINELS)
    await until(async () => {
      const known = await ask({ host, port: SENTINEL_PORT }, 'SENTINEL', 'MASTER', 'mymaster');
      return /num-slaves\n1/.test(known) && /num-other-sentinels\n2/.test(known);
    });
}

function masterNamedBy(host: RedisHost): Promise<string> {
  return ask({ host, port: SENTINEL_PORT }, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'mymaster');
}

async function startCluster(start: Start): Promise<void> {
  for (const { host, port } of NODES)
    await start('redis-server', host, port, [
      ...FOLLOWING,
      CLUSTER_USER,
      'cluster-enabled yes',
      `cluster-config-file ${host}-${String(port)}.nodes`,
      'cluster-node-timeout 2000',
    ]);
  const addresses = NODES.map(({ host, port }) => `${addressOf(host)}:${String(port)}`);
  await redisCli('--cluster', 'create', ...addresses, '--cluster-replicas', '1', '--cluster-yes');
  for (const node of NODES)
    await until(async () => (await ask(node, 'CLUSTER', 'INFO')).includes('cluster_state:ok'));
}

async function clusterMaster(): Promise<Node> {
  for (const node of NODES) if ((await ask(node, 'ROLE')).startsWith('master')) return node;
  throw new Error('the Cluster has no master');
}

/** How many masters have slots and are well. */
function mastersIn(nodes: string): number {
  return nodes.split('\n').filter((line) => / (myself,)?master - .* connected \d/.test(line)).length;
}

function untilAnswering(node: Node): Promise<void> {
  return until(() => ask(node, 'PING').then((answer) => answer === 'PONG', () => false)); // prettier-ignore
}

function ask({ host, port }: Node, ...words: readonly string[]): Promise<string> {
  return redisCli('-h', addressOf(host), '-p', String(port), ...words);
}

async function redisCli(...words: readonly string[]): Promise<string> {
  const login = ['--user', ADMIN.user, '--pass', ADMIN.password, '--no-auth-warning'];
  return (await run('redis-cli', ...login, ...words)).trim();
}
