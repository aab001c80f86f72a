import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { setTimeout as wait } from 'node:timers/promises';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { openPgDatabase } from '@aduana/server-kit/store/pg-database';
import { openAnswerLedger, type AnswerLedger } from '../support/answer-ledger.ts';
import { openBouncer } from '../support/bouncer.ts';
import { outageRow } from '../support/outage-row.ts';
import { describePostgresCluster } from '../support/postgres-cluster.ts';
import { openReplicatedPostgres, type ReplicatedPostgres } from '../support/replicated-postgres.ts';
import { describeRedisServers } from '../support/redis-servers.ts';
import { openWatchedRedis, type WatchedRedis } from '../support/watched-redis.ts';
import { type SeparateProcesses, startSeparateProcesses } from '../support/separate-processes.ts';
import { startSteadyLoad, type SteadyLoad } from '../support/steady-load.ts';
import { until } from '../support/until.ts';

/** `npm run test:availability` plays every row; otherwise those of PostgreSQL's failover. */
const isWhole = process.env['AVAILABILITY'] === 'whole';
const SERVICES = ['audit', 'sts', 'admin', 'leads', 'gateway'] as const;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

describePostgresCluster('over a replicated PostgreSQL', () => {
  describeRedisServers('and Redis behind Sentinels, on loopback', () => {
    let postgres: ReplicatedPostgres;
    let redis: WatchedRedis;
    let deployment: SeparateProcesses;
    let ledger: AnswerLedger;
    const closers: (() => Promise<unknown>)[] = [];

    beforeAll(async () => {
      postgres = await openReplicatedPostgres();
      closers.unshift(() => postgres.remove());
      redis = await openWatchedRedis();
      closers.unshift(() => redis.close());
      await open();
    });
    afterAll(async () => {
      for (const close of closers) await close();
    });

    async function open(): Promise<void> {
      deployment = await startSeparateProcesses(postgres.url, { REDIS_URL: redis.url });
      closers.unshift(() => deployment.remove());
      ledger = openAnswerLedger(postgres.url);
      closers.unshift(() => ledger.close());
    }

    function startLoad(): SteadyLoad {
      const reading = { authorization: deployment.credentials('bff'), document: '{ leads { company } }' };
      const writing = (n: number) => ({
        authorization: deployment.credentials('actuator'),
        document: `mutation { advanceLead(id: "lead-1", to: CONTACTED, idempotencyKey: "${String(n)}") { id } }`,
      });
      return startSteadyLoad(deployment.gatewayUrl, 4, (n) => (n % 10 === 0 ? writing(n) : reading));
    }

    /** Plays an event under load, and prints and judges its row. */
    async function play(event: string, happen: () => Promise<void>): Promise<void> {
      const load = startLoad();
      await load.untilMore(20);
      await happen();
      const began = performance.now();
      for (const service of SERVICES) await deployment.untilHealth(service, (told) => told?.code === 200);
      await deployment.untilHealth('gateway', (told) => told?.checks['audit'] === 'ok');
      const recovered = performance.now() - began;
      await load.untilMore(20);
      await load.stop(); // what is under way has no outcome yet
      const answers = load.take();
      ledger.add(answers);
      await until(async () => (await ledger.missing()).length === 0).catch(() => undefined);
      const lost = await ledger.missing();
      const verified = await deployment.aduana('audit', 'verify');
      const { ok, failed, outageMilliseconds, slowestMilliseconds } = outageRow(event, answers);
      const failures = Object.entries(failed).map(([name, count]) => `${String(count)} x ${name}`);
      const verdict = verified.stdout.trim().split('\n').at(-1) ?? '';
      say(
        `| ${event} | ${String(ok)} | ${failures.join(', ') || '0'} | ${String(load.unanswered)} | ` +
          `${(outageMilliseconds / 1000).toFixed(1)} s | ${(slowestMilliseconds / 1000).toFixed(1)} s | ` +
          `${String(lost.length)} | ${verdict} | ${(recovered / 1000).toFixed(1)} s |`,
      );
      const ended = deployment.output().match(/^\w+: has ended, and is started again$/gm) ?? [];
      expect({ lost, verdict, ended }).toEqual({ lost: [], verdict: 'WHOLE', ended: [] });
      expect(Object.keys(failed).filter((name) => !/^(200|503) /.test(name))).toEqual([]);
    }

    const whole = isWhole ? test : test.skip;
    const kill = ({ kill: end }: { kill(): Promise<void> }): Promise<void> => end();

    test('nothing answered is lost when the primary is killed', async () => {
      say('| event | ok | failed | no answer | longest outage | slowest | lost | verify | recovered by itself after |');
      say('|---|---|---|---|---|---|---|---|---|');
      await play('primary killed, standby promoted', () => postgres.failOver(kill));
      await play('a new standby joins', () => postgres.replaceStandby());
    }); // prettier-ignore

    test('nothing answered is lost in a switchover', async () => {
      await play('switchover', () => postgres.failOver((primary) => primary.stop()));
      await postgres.replaceStandby();
    });

    whole('nothing answered is lost while the standby is frozen, and commits wait', async () => {
      await play('standby frozen for 5 s', async () => {
        postgres.standby.hold();
        await wait(5_000);
        postgres.standby.release();
      });
    });

    whole('nothing answered is lost while a service is frozen', async () => {
      for (const service of ['audit', 'sts'] as const)
        await play(`${service} frozen for 5 s`, async () => {
          const pid = deployment.pid(service) ?? 0;
          process.kill(pid, 'SIGSTOP');
          await wait(5_000);
          process.kill(pid, 'SIGCONT');
        });
    });

    whole('nothing answered is lost when the master of Redis is killed', async () => {
      await play('Redis master killed, Sentinel promotes', () => redis.killMaster());
    });

    whole('nothing answered is lost over a slow link to the database', async () => {
      await play('link to PostgreSQL 200 ms slower for 5 s', async () => {
        for (const link of postgres.links) link.delayMilliseconds = 200;
        await wait(5_000);
        for (const link of postgres.links) link.delayMilliseconds = 0;
      });
    });

    whole('pgbouncer in transaction mode is refused at the first connection, and nothing is written in a wrong schema', async () => {
      const bouncer = await openBouncer(postgres.primary.url);
      if (bouncer === undefined) {
        say('| pgbouncer in transaction mode | NOT PLAYED: it is not installed |');
        return;
      }
      const database = openPgDatabase({ url: bouncer.url, schema: 'audit', log: createLog('silent', () => undefined) });
      closers.unshift(() => database.close(), () => bouncer.close());
      const refusal = await database.query('SELECT 1').catch((error: unknown) => error);
      expect(refusal).toMatchObject({
        code: 'STORE_UNAVAILABLE',
        detail: expect.stringContaining('unsupported startup parameter') as unknown,
      });
      say('| pgbouncer in transaction mode | REFUSED: unsupported startup parameter |');
    }); // prettier-ignore
  });
});
