import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { houseEnvironment, runAduana, startTestHouse, type TestHouse } from '../support/running-house.ts';

const WORTH_IT = 4;

describe('the examples against a running house', () => {
  let folder: string;
  let house: TestHouse;
  let ports: Record<string, string>;
  let actuator: ChildProcess | undefined;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aduana-examples-'));
    house = await startTestHouse({ folder });
    ports = Object.fromEntries(Object.entries(house.ports).map(([name, port]) => [name, String(port)]));
  }, 120_000);

  afterAll(async () => {
    actuator?.kill('SIGKILL');
    await house.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function contacted(): Promise<number> {
    const { stdout } = await house.aduana('query', '--as', 'bff', '{ leads(status: NEW) { score } }');
    const { data } = JSON.parse(stdout) as { data: { leads: readonly { score: number }[] } };
    return WORTH_IT - data.leads.filter(({ score }) => score >= 50).length;
  }

  async function untilAllAreContacted(): Promise<void> {
    for (let attempt = 0; (await contacted()) < WORTH_IT; attempt += 1) {
      if (attempt === 60) throw new Error('the actuator does not act');
      await wait(200);
    }
  }

  test('the secure integration walk holds, step by step', async () => {
    const { code, stdout } = await house.aduana('secure-integration');
    expect(stdout.split('\n').map((line) => line.slice(0, 2))).toEqual([
      '1.',
      '2.',
      '3.',
      '4.',
      '5.',
      '6.',
      'ev',
      '',
    ]);
    expect(code).toBe(0);
  }, 60_000);

  test('the actuator loses no work over a restart of everything, and stops when asked', async () => {
    const environment = { ...ports, ACTUATOR_POLL_INTERVAL: '200ms' };
    actuator = spawn(process.execPath, ['dist/cli/main.js', 'actuator'], {
      env: houseEnvironment(folder, environment),
      stdio: 'ignore',
    });
    await untilAllAreContacted();
    await house.stop();
    house = await startTestHouse({ folder, environment: ports });
    await untilAllAreContacted(); // the leads are as new again: their book is in memory
    actuator.kill('SIGINT');
    expect(await once(actuator, 'exit')).toEqual([0, null]);
  }, 120_000);

  test('each says what is missing, and exits non-zero', async () => {
    await house.stop();
    const walk = await runAduana(['secure-integration'], houseEnvironment(folder, ports));
    expect(walk.code).toBe(1);
    expect(walk.stderr).toContain('npm start');
    const nowhere = houseEnvironment(folder, { ...ports, CERTS_DIR: join(folder, 'nowhere') });
    for (const example of ['bff', 'actuator']) {
      const { code, stderr } = await runAduana([example], nowhere);
      expect(code).toBe(78);
      expect(stderr).toContain(`${example}.crt`);
    }
  }, 60_000);
});
