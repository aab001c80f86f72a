import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { setTimeout as wait } from 'node:timers/promises';
import { createMemoryTrend } from '../support/memory-trend.ts';
import { describePostgresCluster } from '../support/postgres-cluster.ts';
import { describeRedisServers } from '../support/redis-servers.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { shuffledFaults } from '../support/soak-faults.ts';
import { type SoakedDeployment, startSoakedDeployment } from '../support/soaked-deployment.ts';
import type { LoadAnswer } from '../support/steady-load.ts';
import { until } from '../support/until.ts';

/** `npm run soak -- --hours 2 --seed 7` sets both. */
const SECONDS = Number(process.env['SOAK_SECONDS'] ?? 20);
const SEED = Number(process.env['SOAK_SEED'] ?? 1);
const SERVICES = ['audit', 'sts', 'admin', 'leads', 'gateway'] as const;
/** Within what two readings differ, since garbage is collected now and then. */
const GROWTH = 1.25;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

describePostgresCluster('a soak', () => {
  describeRedisServers(`of ${String(SECONDS)} s, seed ${String(SEED)}`, () => {
    let soaked: SoakedDeployment;
    const memory = createMemoryTrend();
    const counts = new Map<string, number>();
    beforeAll(async () => {
      soaked = await startSoakedDeployment();
    });
    afterAll(() => soaked.close());

    function sampleMemory(): void {
      for (const service of SERVICES) memory.sample(service, soaked.deployment.pid(service));
    }

    /** Every service is ready, and nothing waits in a spool; shows how long each took. */
    async function untilWell(): Promise<string> {
      const began = performance.now();
      const took = SERVICES.map(async (service) => {
        await soaked.deployment.untilHealth(
          service,
          (told) => told?.code === 200 && (service !== 'gateway' || told.checks['audit'] === 'ok'),
        );
        return `${service} ${(performance.now() - began).toFixed(0)}`;
      });
      return (await Promise.all(took)).join(' ');
    }

    function count(answers: readonly LoadAnswer[]): string {
      const own = new Map<string, number>();
      for (const { status, code = 'ok' } of answers)
        for (const counted of [own, counts])
          counted.set(`${String(status)} ${code}`, (counted.get(`${String(status)} ${code}`) ?? 0) + 1);
      return [...own].map(([answer, times]) => `${String(times)} x ${answer}`).join(', ');
    }

    test(
      'whatever fails and is replaced: all recover by themselves, and what was answered is in the log, which is whole',
      async () => {
        const { deployment, load, ledger } = soaked;
        const random = createSeededRandom(SEED);
        const faults = shuffledFaults(random);
        const began = performance.now();
        const sampling = setInterval(sampleMemory, 1000);
        const elapsed = (): number => (performance.now() - began) / 1000;
        for (let round = 1; elapsed() < SECONDS || round === 1; round += 1) {
          const fault = faults.next().value;
          if (fault.endsService === true && elapsed() > SECONDS / 2) continue; // only who lives on shows whether it grows
          await load.untilMore(20);
          await fault.happen(soaked, random);
          const took = await untilWell();
          const answers = load.take();
          ledger.add(answers);
          const behind = await ledger.missing();
          const sizes = [...memory.latest].map(([name, size]) => `${name} ${String(size)}`).join(' ');
          say(
            `${elapsed().toFixed(0)} s, ${fault.name}: well after ms: ${took}; ${count(answers)}; ` +
              `${String(behind.length)} on their way to the log; MiB: ${sizes}`,
          );
          await wait(random() * Math.min(5000, SECONDS * 20));
        }
        clearInterval(sampling);
        await load.untilMore(20);
        await load.stop();
        count(load.answers);
        ledger.add(load.take());
        await untilWell();
        await until(async () => (await ledger.missing()).length === 0).catch(() => undefined);
        const lost = await ledger.missing();
        const verified = await deployment.aduana('audit', 'verify');
        const grown = memory.grown(GROWTH);
        const ended = deployment.output().match(/^\w+: has ended, and is started again$/gm) ?? [];
        const answered = [...counts].map(([answer, times]) => `  ${String(times)} x ${answer}`);
        say(
          [
            `${elapsed().toFixed(0)} s, seed ${String(SEED)}`,
            ...answered,
            `  ${String(load.unanswered)} without an answer`,
            `promised ${String(ledger.promised)}, lost ${String(lost.length)}`,
            `ended by themselves: ${ended.length === 0 ? 'none' : ended.join('; ')}`,
            `memory of ${String(memory.judged)} processes that lived for ten minutes: ${grown.length === 0 ? 'flat' : `GROWN: ${grown.join('; ')}`}`,
            verified.stdout.trim(),
          ].join('\n'),
        );
        expect(lost).toEqual([]);
        expect({ grown, ended }).toEqual({ grown: [], ended: [] });
        expect(verified).toMatchObject({
          code: 0,
          stdout: expect.not.stringContaining('INCOMPLETE') as unknown,
        });
        expect(
          [...counts.keys()].filter((answer) => answer.startsWith('5') && !answer.startsWith('503')),
        ).toEqual([]);
      },
      (SECONDS + 900) * 1000,
    );
  });
});
