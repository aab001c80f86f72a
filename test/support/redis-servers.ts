import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { commandsOf, describeWith } from './foreign-parts.ts';
import { freePort, untilListening } from './free-port.ts';
import { until } from './until.ts';

const [server] = commandsOf('redis-server');
const [sentinel] = commandsOf('redis-sentinel');
const [client] = commandsOf('redis-cli');

/** Who may do everything; nobody gets in without a login. */
export const ADMIN = { user: 'all', password: 'of-the-servers' };
export const USERS = ['user default off', `user ${ADMIN.user} on >${ADMIN.password} ~* &* +@all`];
/** As whom servers follow each other. */
export const FOLLOWING = [`masteruser ${ADMIN.user}`, `masterauth ${ADMIN.password}`];

/** How a Sentinel logs in at servers and at other Sentinels. */
export const SENTINEL_LOGIN = [
  `sentinel auth-user mymaster ${ADMIN.user}`,
  `sentinel auth-pass mymaster ${ADMIN.password}`,
  `sentinel sentinel-user ${ADMIN.user}`,
  `sentinel sentinel-pass ${ADMIN.password}`,
];

/** A server of Redis of a test's own. */
export interface RedisServer {
  readonly port: number;
  kill(): Promise<void>;
}

/** Servers of a test's own, all given back by `close`. */
export interface RedisServers {
  start(kind: 'server' | 'sentinel', lines: readonly string[]): Promise<RedisServer>;
  ask(port: number, ...words: readonly string[]): Promise<string>;
  close(): Promise<void>;
}

/** A suite that needs servers and Sentinels of its own. */
export function describeRedisServers(name: string, suite: () => void): void {
  const isPresent = [server, sentinel, client].every((command) => command !== undefined);
  describeWith('redis-server, redis-sentinel and redis-cli', isPresent, name, suite);
}

export async function openRedisServers(): Promise<RedisServers> {
  const folder = await mkdtemp(join(tmpdir(), 'aduana-redis-'));
  const running: ChildProcess[] = [];
  const login = ['--user', ADMIN.user, '--pass', ADMIN.password, '--no-auth-warning'];
  const end = async (child: ChildProcess): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };

  return {
    async start(kind, lines) {
      const port = await freePort();
      const file = join(folder, `${String(port)}.conf`);
      const own = [`port ${String(port)}`, 'bind 127.0.0.1', `dir ${folder}`, 'save ""', 'protected-mode no'];
      const users = kind === 'server' ? [...USERS, ...FOLLOWING] : USERS;
      await writeFile(
        file,
        [...own, ...users, ...lines.map((line) => line.replaceAll('PORT', String(port)))].join('\n'),
      );
      const child = spawn((kind === 'server' ? server : sentinel) ?? '', [file], { stdio: 'ignore' });
      running.push(child);
      await untilListening(port);
      return { port, kill: () => end(child) };
    },
    async ask(port, ...words) {
      const { stdout } = await promisify(execFile)(client ?? '', ['-p', String(port), ...login, ...words]);
      return stdout.trim();
    },
    async close() {
      await Promise.all(running.map(end));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Three masters that share the slots among them; the users come from `lines`. */
export async function startRedisCluster(
  servers: RedisServers,
  lines: readonly string[],
): Promise<readonly RedisServer[]> {
  // Its own choice, 10,000 above the other, may be one that the kernel has given to somebody.
  const busPorts = await Promise.all([0, 1, 2].map(freePort));
  const nodes = await Promise.all(
    busPorts.map((busPort) =>
      servers.start('server', [
        'cluster-enabled yes',
        `cluster-port ${String(busPort)}`,
        'cluster-config-file PORT.nodes',
        'cluster-node-timeout 2000',
        'cluster-require-full-coverage no',
        ...lines,
      ]),
    ),
  );
  const [first] = nodes;
  if (first === undefined) throw new Error('no node was started');
  for (const [index, { port }] of nodes.entries()) {
    const [from, to] = [Math.ceil((index * 16_384) / 3), Math.ceil(((index + 1) * 16_384) / 3) - 1];
    await servers.ask(port, 'CLUSTER', 'ADDSLOTSRANGE', String(from), String(to));
    await servers.ask(port, 'CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
    const address = ['127.0.0.1', String(port), String(busPorts[index])];
    await servers.ask(first.port, 'CLUSTER', 'MEET', ...address);
  }
  for (const { port } of nodes)
    await until(async () => {
      const state = await servers.ask(port, 'CLUSTER', 'INFO');
      return state.includes('cluster_state:ok') && state.includes('cluster_known_nodes:3');
    });
  return nodes;
}
