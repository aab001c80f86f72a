import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openAnswerLedger, type AnswerLedger } from '../support/answer-ledger.ts';
import { outageRow } from '../support/outage-row.ts';
import { describePostgresCluster } from '../support/postgres-cluster.ts';
import { openReplicatedPostgres, type ReplicatedPostgres } from '../support/replicated-postgres.ts';
import { describeRedisServers } from '../support/redis-servers.ts';
import { openWatchedRedis, type WatchedRedis } from '../support/watched-redis.ts';
import { type SeparateProcesses, startSeparateProcesses } from '../support/separate-processes.ts';
import { startSteadyLoad, type SteadyLoad } from '../support/steady-load.ts';
import { until } from '../support/until.ts';

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
  });
});
