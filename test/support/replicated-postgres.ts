import { createLog } from '@aduana/server-kit/platform/create-log';
import { openPgDatabase } from '@aduana/server-kit/store/pg-database';
import { type FaultyLink, openFaultyLink } from './faulty-link.ts';
import { createPostgresCluster, type PostgresCluster } from './postgres-cluster.ts';
import { until } from './until.ts';

/** A primary and a standby that every commit waits for, at two addresses that stay while servers come and go. */
export interface ReplicatedPostgres {
  /** Both addresses, as DATABASE_URL takes them. */
  readonly url: string;
  /** Makes the standby the primary, as an orchestrator does, once `end` has ended the primary. */
  failOver(end: (primary: PostgresCluster) => Promise<void>): Promise<void>;
  /** A new standby at the address that has become free. */
  replaceStandby(): Promise<void>;
  remove(): Promise<void>;
}

interface Place {
  readonly link: FaultyLink;
  server: PostgresCluster;
}

export async function openReplicatedPostgres(): Promise<ReplicatedPostgres> {
  const first = await createPostgresCluster();
  await first.start();
  const place = async (server: PostgresCluster): Promise<Place> => ({
    server,
    link: await openFaultyLink(portOf(server), true),
  });
  let primary = await place(first);
  let standby = await place(await startStandby(first));
  const hosts = [primary, standby].map(({ link }) => `127.0.0.1:${String(link.port)}`).join(',');

  return {
    url: `postgres://postgres@${hosts}/postgres`,
    async failOver(end) {
      await end(primary.server);
      standby.server.promote();
      [primary, standby] = [standby, primary];
    },
    async replaceStandby() {
      await standby.server.remove();
      standby.server = await startStandby(primary.server);
      standby.link.target = portOf(standby.server);
    },
    async remove() {
      for (const { link, server } of [standby, primary]) {
        await link.down();
        await server.remove();
      }
    },
  };
}

/** From now on a commit waits until the standby has it. */
async function startStandby(primary: PostgresCluster): Promise<PostgresCluster> {
  const standby = await primary.createStandby();
  await standby.start();
  const log = createLog('silent', () => undefined);
  const database = openPgDatabase({ url: primary.url, schema: 'public', log, maxConnections: 1 });
  try {
    await database.query(`ALTER SYSTEM SET synchronous_standby_names = '*'`);
    await database.query('SELECT pg_reload_conf()');
    const synchronous = `SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'`;
    await until(async () => (await database.query(synchronous)).affected === 1);
  } finally {
    await database.close();
  }
  return standby;
}

function portOf({ url }: PostgresCluster): number {
  return Number(new URL(url).port);
}
