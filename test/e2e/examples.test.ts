import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  deploymentEnvironment,
  runAduana,
  startTestDeployment,
  type TestDeployment,
} from '../support/running-deployment.ts';
import { until } from '../support/until.ts';

const WORTH_IT = 4;

describe('the examples against a running deployment', () => {
  let folder: string;
  let deployment: TestDeployment;
  let ports: Record<string, string>;
  let actuator: ChildProcess | undefined;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aduana-examples-'));
    deployment = await startTestDeployment({ folder });
    ports = Object.fromEntries(Object.entries(deployment.ports).map(([name, port]) => [name, String(port)]));
  });

  afterAll(async () => {
    actuator?.kill('SIGKILL');
    await deployment.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function contacted(): Promise<number> {
    const { stdout } = await deployment.aduana('query', '--as', 'bff', '{ leads(status: NEW) { score } }');
    const { data } = JSON.parse(stdout) as { data: { leads: readonly { score: number }[] } };
    return WORTH_IT - data.leads.filter(({ score }) => score >= 50).length;
  }

  async function untilAllAreContacted(): Promise<void> {
    await until(async () => (await contacted()) >= WORTH_IT);
  }

  test('the secure integration passes, step by step', async () => {
    const { code, stdout } = await deployment.aduana('secure-integration');
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
  });

  test('the actuator loses no work over a restart of everything, and stops when asked', async () => {
    const environment = { ...ports, ACTUATOR_POLL_INTERVAL: '200ms' };
    actuator = spawn(process.execPath, ['dist/cli/main.js', 'actuator'], {
      env: deploymentEnvironment(folder, environment),
      stdio: 'ignore',
    });
    await untilAllAreContacted();
    await deployment.stop();
    deployment = await startTestDeployment({ folder, environment: ports });
    await untilAllAreContacted(); // the leads are as new again: their book is in memory
    actuator.kill('SIGINT');
    expect(await once(actuator, 'exit')).toEqual([0, null]);
  });

  test('each says what is missing, and exits non-zero', async () => {
    await deployment.stop();
    const run = await runAduana(['secure-integration'], deploymentEnvironment(folder, ports));
    expect(run.code).toBe(1);
    expect(run.stderr).toContain('npm start');
    const nowhere = deploymentEnvironment(folder, { ...ports, CERTS_DIR: join(folder, 'nowhere') });
    for (const example of ['bff', 'actuator']) {
      const { code, stderr } = await runAduana([example], nowhere);
      expect(code).toBe(78);
      expect(stderr).toContain(`${example}.crt`);
    }
  });
});
