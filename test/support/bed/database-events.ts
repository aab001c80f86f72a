import { setTimeout as wait } from 'node:timers/promises';
import { until } from '../until.ts';
import type { Bed } from './bed.ts';
import { POSTGRES_HOSTS, type PostgresHost } from './patroni-hosts.ts';
import { type Event, seconds } from './play.ts';
import { SERVICE_HOSTS } from './service-hosts.ts';

/** Long enough that the status feed is too old and the gateways refuse. */
const LONGER_THAN_STATUS_SECONDS = 66;

/** What befalls PostgreSQL, and what Patroni decides with. */
export const DATABASE_EVENTS: readonly Event[] = [
  {
    name: "kill -9 of the PostgreSQL leader's machine",
    async happen(bed) {
      const leader = await bed.patroni.leader();
      await bed.hosts[leader].powerOff();
      return untilOtherLeader(bed, leader);
    },
  },
  {
    name: 'switchover',
    async happen(bed) {
      const leader = await bed.patroni.leader();
      await bed.patroni.switchOver();
      await untilOtherLeader(bed, leader);
    },
  },
  {
    name: "leader's link down",
    async happen(bed) {
      const leader = await bed.patroni.leader();
      await bed.hosts[leader].setLink('down');
      return untilOtherLeader(bed, leader);
    },
  },
  {
    name: 'two of three etcd killed for 25 s',
    async happen({ etcd, patroni }) {
      await etcd.kill(2);
      await wait(25_000);
      await etcd.restart();
      await patroni.untilWhole();
    },
  },
  {
    name: 'synchronous standby frozen for 10 s',
    async happen({ hosts, patroni }) {
      const standby = await patroni.synchronous();
      await hosts[standby].signal('SIGSTOP');
      await wait(10_000);
      await hosts[standby].signal('SIGCONT');
    },
  },
  {
    name: 'database read-only for 14 s',
    async happen({ patroni }) {
      const leader = await patroni.leader();
      const set = async (sql: string): Promise<void> => {
        await patroni.query(leader, sql);
        await patroni.query(leader, 'SELECT pg_reload_conf()');
      };
      await set('ALTER SYSTEM SET default_transaction_read_only = on');
      await wait(14_000);
      await set('ALTER SYSTEM RESET default_transaction_read_only');
    },
  },
  {
    name: 'link of half of the replicas to PostgreSQL 200 ms slower for 10 s',
    async happen({ toDatabase }) {
      toDatabase.delayMilliseconds = 200;
      await wait(10_000);
      toDatabase.delayMilliseconds = 0;
    },
  },
  {
    name: `database away ${String(LONGER_THAN_STATUS_SECONDS)} s, a gateway killed meanwhile`,
    cutsClients: true,
    async happen(bed) {
      await cutFromDatabase(bed);
      await wait(30_000);
      await bed.services.kill('gateway1');
      await wait(LONGER_THAN_STATUS_SECONDS * 1000 - 30_000);
      await mendServices(bed);
    },
  },
];

const DISK_LOST = 'database away 20 s, a gateway lost with its disk';

/** What lay in the spool of that gateway alone is gone, and clients have its answers. */
export const LOST_DISK: Event = {
  name: DISK_LOST,
  loses: 'spool',
  cutsClients: true,
  prepare: ({ services }) => services.restartAll({ SPOOL: 'local' }),
  happen: loseDisk,
};

/** The same where each event lay at an audit replica too. */
export const REPLICATED_DISK: Event = {
  name: `${DISK_LOST}, \`SPOOL=replicated\``,
  cutsClients: true,
  prepare: ({ services }) => services.restartAll({ SPOOL: 'replicated' }),
  happen: loseDisk,
};

async function loseDisk(bed: Bed): Promise<void> {
  await cutFromDatabase(bed);
  await wait(10_000);
  await bed.services.loseDisk('gateway1');
  await wait(10_000);
  await mendServices(bed);
}

/** Patroni without `synchronous_mode`: the standbys hear nothing of the leader for 1.5 s, and then its machine dies. */
export const ASYNCHRONOUS_FAILOVER: Event = {
  name: 'asynchronous failover, 1.5 s of WAL lost',
  loses: 'tail',
  async happen(bed) {
    const { hosts, patroni, services } = bed;
    await patroni.configure({ synchronous_mode: false });
    await patroni.untilWhole(false);
    const leader = await patroni.leader();
    const standbys = POSTGRES_HOSTS.filter((host) => host !== leader);
    for (const host of standbys) await hosts[host].cut(leader, 5432);
    await wait(1500);
    await hosts[leader].powerOff();
    for (const host of standbys) await hosts[host].mend();
    await untilOtherLeader(bed, leader);
    // the log is behind what it has signed: it is not ready until both have decided
    const replicas = ['audit1', 'audit2'] as const;
    for (const replica of replicas) await until(async () => (await services.health(replica))?.code === 503);
    const direct = { AUDIT_URL: 'https://audit1:8012' };
    const done = await services.aduana(['audit', 'recover', '--reason', 'the leader was lost'], direct);
    if (done.code !== 0) throw new Error(`${done.stdout}${done.stderr}`);
    for (const replica of replicas) await services.restart(replica);
    await patroni.configure({ synchronous_mode: true });
  },
};

async function untilOtherLeader({ patroni }: Bed, old: PostgresHost): Promise<string> {
  const began = performance.now();
  await until(async () => (await patroni.leader()) !== old);
  return `another leader after ${seconds(performance.now() - began)}`;
}

async function cutFromDatabase({ hosts, patroni }: Bed): Promise<void> {
  const leader = await patroni.leader();
  for (const host of SERVICE_HOSTS) {
    await hosts[host].cut('tests', 5432);
    await hosts[host].cut(leader, 5432);
  }
}

async function mendServices({ hosts }: Bed): Promise<void> {
  for (const host of SERVICE_HOSTS) await hosts[host].mend();
}
