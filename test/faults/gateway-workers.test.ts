import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { openPgDatabase } from '@aduana/server-kit/store/pg-database';
import {
  createPostgresCluster,
  describePostgresCluster,
  type PostgresCluster,
} from '../support/postgres-cluster.ts';
import { type SeparateProcesses, startSeparateProcesses } from '../support/separate-processes.ts';
import { startSteadyLoad, type SteadyLoad } from '../support/steady-load.ts';
import { until } from '../support/until.ts';

const WORKERS = 2;
const CALLERS = 6;

describePostgresCluster('a gateway of two processes', () => {
  let cluster: PostgresCluster;
  let deployment: SeparateProcesses;
  let load: SteadyLoad;
  const closers: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    cluster = await createPostgresCluster();
    closers.unshift(() => cluster.remove());
    await cluster.start();
    const variables = { DRAIN_SECONDS: '1' };
    deployment = await startSeparateProcesses(cluster.url, variables, ['--workers', String(WORKERS)]);
    closers.unshift(() => deployment.remove());
    load = startSteadyLoad(deployment.gatewayUrl, CALLERS, () => ({
      authorization: deployment.credentials('bff'),
      document: '{ leads { company } }',
    }));
    closers.unshift(() => load.stop());
    await untilAllServe();
  });
  afterAll(async () => {
    for (const close of closers) await close();
  });

  async function workers(): Promise<readonly number[]> {
    const pid = String(deployment.pid('gateway'));
    const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return text.split(' ').filter(Boolean).map(Number);
  }

  /** Both are there, and the requests of a while were all answered. */
  async function untilAllServe(): Promise<void> {
    await until(async () => (await workers()).length === WORKERS);
    await load.untilMore(50);
  }

  test('kill -9 of one under load: the other serves on, a new one joins, and no answer but 200 is seen', async () => {
    const [victim = 0] = await workers();
    process.kill(victim, 'SIGKILL');
    await until(async () => {
      const now = await workers();
      return now.length === WORKERS && !now.includes(victim);
    });
    await load.untilMore(200);
    expect(load.answers.filter(({ status }) => status !== 200)).toEqual([]);
  });

  test('SIGTERM stops all of them in order; each answered request is in the log once, and the log is whole', async () => {
    await load.stop();
    const answered = load.answers.map(({ auditId }) => auditId);
    const verified = await deployment.aduana('audit', 'verify');
    expect(verified).toMatchObject({ code: 0, stdout: expect.not.stringContaining('INCOMPLETE') as unknown });
    expect(await deployment.stop()).toEqual([0, 0, 0, 0, 0]);
    const log = createLog('silent', () => undefined);
    const database = openPgDatabase({ url: cluster.url, schema: 'audit', log });
    try {
      const { rows } = await database.query<{ id: string; copies: number }>(
        `SELECT id::text, count(*)::int AS copies FROM entries WHERE type = 'request' GROUP BY id`,
      );
      const copies = new Map(rows.map(({ id, copies }) => [id, copies]));
      expect(answered.filter((id) => copies.get(id) !== 1)).toEqual([]);
      expect(answered.length).toBeGreaterThan(200);
      const lost = await database.query(`SELECT 1 FROM entries WHERE type = 'source.lost'`);
      expect(lost.rows).toHaveLength(1);
    } finally {
      await database.close();
    }
  });
});
