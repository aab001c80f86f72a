import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { findPostgres } from '../postgres-cluster.ts';
import { until } from '../until.ts';
import type { Host } from './host.ts';
import { addressOf, type HostName, run } from './network.ts';

export const POSTGRES_HOSTS = ['postgres1', 'postgres2', 'postgres3'] as const satisfies readonly HostName[];
export type PostgresHost = (typeof POSTGRES_HOSTS)[number];

/** How long Patroni waits for a leader that says nothing. */
const LEADER_TTL_SECONDS = 20;

interface Member {
  readonly name: PostgresHost;
  readonly role: string;
  readonly state: string;
}

/** PostgreSQL on three hosts, of which Patroni makes one the leader and another its synchronous standby. */
export interface PatroniHosts {
  /** The names of all, for a client that looks for the leader itself. */
  readonly url: string;
  leader(): Promise<PostgresHost>;
  /** The standby for which commits wait. */
  synchronous(): Promise<PostgresHost>;
  /** What runs on a host, as after a boot. */
  start(host: PostgresHost): void;
  /** Has another host lead, when this one is asked for it or not. */
  switchOver(): Promise<void>;
  configure(settings: object): Promise<void>;
  query(host: PostgresHost, sql: string): Promise<string>;
  /** Waits until one leads, all three follow, and one of them synchronously. */
  untilWhole(isSynchronous?: boolean): Promise<void>;
}

export async function startPatroni(hosts: Record<PostgresHost, Host>, folder: string): Promise<PatroniHosts> {
  const postgres = findPostgres();
  if (postgres?.user === undefined) throw new Error('PostgreSQL with its user is not installed');
  for (const name of POSTGRES_HOSTS) {
    await mkdir(join(folder, name), { mode: 0o700 });
    await writeFile(join(folder, name, 'patroni.yml'), JSON.stringify(settingsOf(name, join(folder, name), postgres.folder)));
    await run('chown', '-R', 'postgres', join(folder, name));
  } // prettier-ignore

  const patroni: PatroniHosts = {
    url: `postgres://postgres@${POSTGRES_HOSTS.map((host) => `${host}:5432`).join(',')}/postgres`,
    leader: () => memberOf('leader'),
    synchronous: () => memberOf('sync_standby'),
    start(name) {
      hosts[name].start(['patroni', join(folder, name, 'patroni.yml')], { user: 'postgres' });
    },
    async switchOver() {
      const [leader, candidate] = [await memberOf('leader'), await memberOf('sync_standby')];
      await send(`http://${leader}:8008/switchover`, 'POST', { leader, candidate });
    },
    async configure(settings) {
      await send(`http://${await memberOf('leader')}:8008/config`, 'PATCH', settings);
    },
    query: (host, sql) =>
      run('psql', '-X', '-A', '-t', '-h', addressOf(host), '-U', 'postgres', '-c', sql, 'postgres'),
    untilWhole: (isSynchronous = true) => until(() => isWhole(isSynchronous)),
  };
  for (const host of POSTGRES_HOSTS) patroni.start(host);
  await patroni.untilWhole();
  return patroni;
}

/** As whoever answers has it. */
async function members(): Promise<readonly Member[]> {
  for (const host of POSTGRES_HOSTS)
    try {
      const answer = await fetch(`http://${host}:8008/cluster`, { signal: AbortSignal.timeout(2000) });
      return ((await answer.json()) as { members: readonly Member[] }).members;
    } catch {
      // another one knows as well
    }
  return [];
}

/** Waits for a member that has this role. */
async function memberOf(role: 'leader' | 'sync_standby'): Promise<PostgresHost> {
  let found: Member | undefined;
  await until(async () => {
    found = (await members()).find((member) => member.role === role);
    return found !== undefined;
  });
  return found?.name ?? 'postgres1';
}

async function isWhole(isSynchronous: boolean): Promise<boolean> {
  const all = await members();
  await wait(200);
  const count = (role: string, state: string): number =>
    all.filter((member) => member.role === role && member.state === state).length;
  const synchronous = count('sync_standby', 'streaming');
  return (
    count('leader', 'running') === 1 &&
    synchronous === (isSynchronous ? 1 : 0) &&
    synchronous + count('replica', 'streaming') === 2
  );
}

async function send(url: string, method: string, body: object): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(url, { method, headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${url}: ${String(answer.status)} ${await answer.text()}`);
}

function settingsOf(name: PostgresHost, folder: string, binaries: string): object {
  const address = addressOf(name);
  const login = { username: 'postgres', password: 'postgres' };
  return {
    scope: 'bed',
    name,
    restapi: { listen: `${address}:8008`, connect_address: `${address}:8008` },
    etcd3: { hosts: (['etcd1', 'etcd2', 'etcd3'] as const).map((host) => `${addressOf(host)}:2379`) },
    bootstrap: {
      dcs: {
        ttl: LEADER_TTL_SECONDS,
        loop_wait: 3,
        retry_timeout: 5,
        synchronous_mode: true,
        postgresql: { use_pg_rewind: true, parameters: { wal_keep_size: '64MB', max_connections: 200 } },
      },
      initdb: [{ encoding: 'UTF8' }, { locale: 'C.UTF-8' }, { auth: 'trust' }, 'data-checksums'],
    },
    postgresql: {
      listen: `${address}:5432`,
      connect_address: `${address}:5432`,
      data_dir: join(folder, 'data'),
      bin_dir: binaries,
      pgpass: join(folder, 'pgpass'),
      authentication: { superuser: login, replication: login, rewind: login },
      pg_hba: ['local all all trust', 'host all all 0.0.0.0/0 trust', 'host replication all 0.0.0.0/0 trust'],
      parameters: { unix_socket_directories: folder, shared_buffers: '32MB', max_wal_size: '128MB' },
    },
  };
}
