import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createInProcessBus } from '@aduana/server-kit/bus/in-process-bus';
import { createSystemClock } from '@aduana/core/platform/clock';
import { scheduleSecretRotation } from '../../../subgraphs/sts/clients/secret-schedule.ts';
import { MIGRATIONS } from '../../../subgraphs/sts/migrations.ts';
import { describeStores } from '../../support/stores.ts';
import { basic, openTestSts, type TestSts } from '../../support/test-sts.ts';

const INTERVAL_MS = 2 * 86_400_000;

describeStores('scheduled rotation of client secrets', (openStore) => {
  let sts: TestSts;
  let replica: TestSts;
  beforeAll(async () => {
    const store = await openStore('sts', MIGRATIONS);
    const shared = { openStore, store, bus: createInProcessBus() };
    sts = await openTestSts({ ...shared, clients: ['bff', 'operator'] });
    replica = await openTestSts({ ...shared, secrets: sts.secrets, ca: sts.ca });
  });
  afterAll(async () => {
    await sts.close();
    await replica.close();
  });

  /** Runs the schedules of both replicas, days later by their clocks, until they have looked. */
  async function laterBy(milliseconds: number): Promise<number> {
    const system = createSystemClock();
    const clock = {
      ...system,
      now: () => system.now() + milliseconds,
      after: (pause: number, task: () => void) => system.after(pause / 100_000, task),
    };
    const looked: number[] = [];
    const schedules = [sts, replica].map((one) => {
      const database = {
        ...one.store.writer,
        query: async <Row>(sql: string, parameters?: readonly unknown[]) => {
          const result = await one.store.writer.query<Row>(sql, parameters);
          looked.push(1);
          return result;
        },
      };
      const rotate = (order: Parameters<TestSts['rotateSecret']>[0]) => one.rotateSecret(order);
      return scheduleSecretRotation(INTERVAL_MS, database, one.seals, rotate, {
        clock,
        log: one.platform.log,
      });
    });
    while (looked.length < 6) await system.sleep(5);
    await Promise.all(schedules.map((schedule) => schedule.stop()));
    return sts.records.filter(({ type }) => type === 'secret.rotate').length;
  }

  const login = async (id: string, secret?: string): Promise<number> =>
    (await sts.token({ grant_type: 'client_credentials' }, { headers: basic(id, secret) })).status;

  test('a secret that is not due stays', async () => {
    expect(await laterBy(INTERVAL_MS - 60_000)).toBe(0);
  });

  test('a secret that is due gets one new version over two replicas, and the one before stays in grace', async () => {
    await laterBy(INTERVAL_MS + 60_000);
    for (const service of ['bff', 'operator']) {
      const stored = await sts.secrets.get(`client-secrets/${service}`);
      expect(stored?.version).toBe(2);
      expect(await login(service, stored?.value.reveal())).toBe(200);
      expect(await login(service)).toBe(200);
    }
  });
});
