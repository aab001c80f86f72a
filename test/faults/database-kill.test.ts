import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { openPgDatabase } from '@aduana/server-kit/store/pg-database';
import {
  type SeparateProcesses,
  startSeparateProcesses,
  type ToldHealth,
} from '../support/separate-processes.ts';
import {
  createPostgresCluster,
  describePostgresCluster,
  type PostgresCluster,
} from '../support/postgres-cluster.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { describeSmallDisk, mountSmallDisk } from '../support/small-disk.ts';
import { type LoadAnswer, startSteadyLoad, type SteadyLoad } from '../support/steady-load.ts';
import { underLoad, until } from '../support/until.ts';

/** Of a spool: which boots may have left events in it. */
const BOOTS = 'boots';
const KILLS = Number(process.env['DEPLOYMENT_KILLS'] ?? 5);
const OUTAGE_MS = Number(process.env['OUTAGE_SECONDS'] ?? 4) * 1000;
/** The contract's seven seconds, and what is added by the measurement. */
const ANSWER_MS = 7500;

const isWell = (told: ToldHealth | undefined): boolean => told?.code === 200 && told.checks['audit'] === 'ok';

describePostgresCluster('the deployment apart over a database server that ends, hangs and is away', () => {
  let cluster: PostgresCluster;
  let deployment: SeparateProcesses;
  let load: SteadyLoad;
  let writes = true;
  const closers: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    cluster = await createPostgresCluster();
    closers.unshift(() => cluster.remove());
    await cluster.start();
    deployment = await startSeparateProcesses(cluster.url);
    closers.unshift(() => deployment.remove());
    const reading = { authorization: deployment.credentials('bff'), document: '{ leads { company } }' };
    const writing = (n: number) => ({
      authorization: deployment.credentials('actuator'),
      document: `mutation { advanceLead(id: "lead-1", to: CONTACTED, idempotencyKey: "${String(n)}") { id } }`,
    });
    load = startSteadyLoad(deployment.gatewayUrl, 6, (n) => (n % 4 === 0 && writes ? writing(n) : reading));
    closers.unshift(() => load.stop());
    await load.untilMore(20);
  });
  afterAll(async () => {
    for (const close of closers) await close();
  });

  const slowest = (answers: readonly LoadAnswer[]): number =>
    Math.max(...answers.map(({ milliseconds }) => milliseconds));

  async function untilWell(): Promise<void> {
    for (const service of ['audit', 'sts', 'gateway'] as const) await deployment.untilHealth(service, isWell);
  }

  function tell(what: string, from: number): void {
    const answers = load.answers.slice(from);
    const counts = new Map<string, number>();
    for (const { status, code } of answers) {
      const key = `${String(status)}${code === undefined ? '' : ` ${code}`}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    const told = [...counts].map(([key, count]) => `${String(count)} x ${key}`).join(', ');
    process.stdout.write(`${what}: ${told}; slowest ${slowest(answers).toFixed(0)} ms\n`);
  }

  test(
    `${String(KILLS)} kills of database, log and gateway: every answered request is in the log, once, and the log is whole`,
    async () => {
      const random = createSeededRandom(KILLS);
      const counts = { database: 0, 'database, immediate stop': 0, audit: 0, gateway: 0 };
      const kinds = Object.keys(counts) as (keyof typeof counts)[];
      for (let kill = 0; kill < KILLS; kill += 1) {
        const kind = kinds[kill % kinds.length] ?? 'database';
        counts[kind] += 1;
        await load.untilMore(10);
        await wait(random() * 400);
        if (kind === 'audit' || kind === 'gateway') {
          await deployment.kill(kind);
          deployment.start(kind);
        } else {
          await (kind === 'database' ? cluster.kill() : cluster.stopAtOnce());
          await wait(random() * 1000);
          await cluster.start();
        }
      }
      await untilWell();
      tell(`kill -9 (${JSON.stringify(counts)})`, 0);
      await expectEach();
    },
    240_000 + KILLS * 20_000,
  );

  test('a database that hangs: the log tells of it within two seconds, and every request is answered', async () => {
    const before = load.answers.length;
    cluster.hold();
    const began = performance.now();
    await deployment.untilHealth('audit', (told) => told?.code === 503);
    const told = performance.now() - began;
    expect((await deployment.health('audit'))?.checks['database']).toBe('the database does not answer');
    await wait(Math.min(OUTAGE_MS, 10_000));
    cluster.release();
    await untilWell();
    tell(`a database that hangs (told after ${told.toFixed(0)} ms)`, before);
    expect(told).toBeLessThan(underLoad(3000));
    expect(slowest(load.answers.slice(before))).toBeLessThan(underLoad(ANSWER_MS));
  });

  test(
    `a database that is away for ${String(OUTAGE_MS / 1000)} s: spooled or refused, and recovered without help`,
    async () => {
      const before = load.answers.length;
      await cluster.kill();
      await Promise.all([wait(OUTAGE_MS), load.untilMore(11)]);
      const during = load.answers.slice(before);
      await cluster.start();
      await untilWell();
      tell(`a database that is away for ${String(OUTAGE_MS / 1000)} s`, before);
      expect(during.length).toBeGreaterThan(10);
      expect(slowest(during)).toBeLessThan(underLoad(ANSWER_MS));
      expect(during.filter(({ status }) => status !== 200 && status !== 503)).toEqual([]);
      const after = load.answers.length;
      await load.untilMore(20);
      expect(load.answers.slice(after).filter(({ status }) => status !== 200)).toEqual([]);
    },
    240_000 + OUTAGE_MS,
  );

  describeSmallDisk('beside a full disk', () => {
    test('a spool without room while the log is away: 503 AUDIT_UNAVAILABLE, and recovered once there is room', async () => {
      writes = false; // on a full disk the outcome of a mutation finds no room, and the log says so
      const spool = join(deployment.folder, 'home/spool/gateway');
      await deployment.kill('gateway');
      while (readdirSync(spool).some((name) => name !== BOOTS)) {
        deployment.start('gateway'); // a disk over what is still spooled would hide it
        await untilWell();
        await deployment.kill('gateway');
      }
      const boots = await readFile(join(spool, BOOTS));
      const disk = await mountSmallDisk(1, spool);
      await writeFile(join(spool, BOOTS), boots); // the spool moves to another disk with all that is in it
      closers.unshift(() => disk.remove());
      deployment.start('gateway');
      await untilWell();
      const before = load.answers.length;
      await deployment.kill('audit');
      await disk.fill(60_000);
      await until(() => load.answers.slice(before).some(({ code }) => code === 'AUDIT_UNAVAILABLE'));
      await load.untilMore(20);
      expect(load.answers.slice(-6).map(({ status, code }) => ({ status, code }))).toContainEqual({
        status: 503,
        code: 'AUDIT_UNAVAILABLE',
      });
      await disk.free();
      await until(() => load.answers.slice(-20).every(({ status }) => status === 200));
      deployment.start('audit');
      await untilWell();
      tell('a spool without room, the log away', before);
      expect(slowest(load.answers.slice(before))).toBeLessThan(underLoad(ANSWER_MS));
      await expectEach();
    });
  });

  test('after all that everything stops in order, and the log is whole', async () => {
    await load.stop();
    await untilWell();
    await expectEach();
    const running = await deployment.aduana('audit', 'verify');
    expect(running).toMatchObject({ code: 0, stdout: expect.not.stringContaining('INCOMPLETE') as unknown });
    expect(await deployment.stop()).toEqual([0, 0, 0, 0, 0]);
    const stopped = await deployment.aduana('audit', 'verify');
    expect(stopped).toMatchObject({ code: 0, stdout: expect.not.stringContaining('INCOMPLETE') as unknown });
    process.stderr.write(stopped.stdout);
  });

  /**
   * Whatever was answered is in the log, and once; what nothing could record was refused, by a gateway that starts as
   * well. Where the STS was away nobody was known: of many such refusals one event tells, whose id all of them bear.
   */
  async function expectEach(): Promise<void> {
    const answered = load.answers
      .filter(({ auditId, status }) => auditId !== '' || status !== 503)
      .filter(({ code }) => code !== 'AUDIT_UNAVAILABLE')
      .map(({ auditId }) => auditId);
    const database = openPgDatabase({
      url: cluster.url,
      schema: 'audit',
      log: createLog('silent', () => undefined),
    });
    try {
      const { rows } = await database.query<{ id: string; copies: number }>(
        `SELECT id::text, count(*) AS copies FROM entries WHERE type IN ('request', 'request.flood') GROUP BY id`,
      );
      const copies = new Map(rows.map((row) => [row.id, row.copies]));
      const once = answered.filter((id) => copies.get(id) === 1).length;
      process.stdout.write(
        `${String(answered.length)} requests answered, ${String(once)} found in the log once\n`,
      );
      expect(answered.filter((id) => copies.get(id) !== 1)).toEqual([]);
    } finally {
      await database.close();
    }
  }
});
