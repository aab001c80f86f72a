import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { freePort } from '../support/free-port.ts';
import { deploymentEnvironment, runAduana, startTestDeployment } from '../support/running-deployment.ts';
import { until } from '../support/until.ts';

const CLIENTS = 8;
const STOPS = 4;
const ENVIRONMENT = { DRAIN_SECONDS: '3', ACTUATOR_CLIENT_SECRET: 'a secret of the actuator for a test' };
const ADVANCE = `mutation ($key: ID!) { advanceLead(id: "1", to: CONTACTED, idempotencyKey: $key) { id } }`;

interface Seen {
  /** By status. */
  readonly answers: Map<number, number>;
  /** Why requests ended without an answer after they had reached the gateway. */
  readonly cut: string[];
}

/** One client that keeps its connection, asks without a pause, and asks again where nobody listens. */
async function keepAsking(port: number, name: string, seen: Seen, isOver: () => boolean): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let count = 0; !isOver(); count += 1)
    try {
      const status = await ask(port, agent, `${name}-${String(count)}`);
      seen.answers.set(status, (seen.answers.get(status) ?? 0) + 1);
      if (status === 503) await wait(250); // it has just started
    } catch (error) {
      // Nothing was sent yet: nobody listens, or the port closed while the connection was made.
      if ((error as NodeJS.ErrnoException).syscall === 'connect') await wait(250);
      else seen.cut.push(String(error));
    }
  agent.destroy();
}

function ask(port: number, agent: Agent, key: string): Promise<number> {
  const secret = encodeURIComponent(ENVIRONMENT.ACTUATOR_CLIENT_SECRET);
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        agent,
        host: '127.0.0.1',
        port,
        path: '/graphql',
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          authorization: `Basic ${Buffer.from(`actuator:${secret}`).toString('base64')}`,
        },
      },
      (response) => {
        response.resume();
        response.on('end', () => { resolve(response.statusCode ?? 0); }); // prettier-ignore
        response.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(JSON.stringify({ query: ADVANCE, variables: { key } }));
  });
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aduana-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('SIGTERM under load answers those who keep their connection, and leaves the log whole', async () => {
  const port = await freePort();
  const environment = { ...ENVIRONMENT, GATEWAY_HTTP_PORT: String(port) };
  const start = () => startTestDeployment({ folder, environment });
  const seen: Seen = { answers: new Map(), cut: [] };
  let isOver = false;
  const clients: Promise<void>[] = [];
  for (let stop = 0; stop < STOPS; stop += 1) {
    const deployment = await start();
    if (stop === 0)
      for (let client = 0; client < CLIENTS; client += 1)
        clients.push(keepAsking(port, String(client), seen, () => isOver));
    const before = seen.answers.get(200) ?? 0;
    await until(() => (seen.answers.get(200) ?? 0) > before + 2 * CLIENTS);
    const exited = once(deployment.process, 'exit');
    deployment.process.kill('SIGTERM');
    // The signal is on its way: ready until it has arrived, then no longer.
    await until(async () => (await fetch(`http://127.0.0.1:${String(port)}/health/ready`)).status === 503);
    expect(await exited).toEqual([0, null]);
  }
  isOver = true;
  await Promise.all(clients);
  // A port that closes resets what the kernel has connected and nobody has accepted: one in many, without a balancer.
  expect(seen.cut.filter((reason) => !reason.includes('ECONNRESET'))).toEqual([]);
  expect(seen.cut.length).toBeLessThanOrEqual(CLIENTS);
  expect([...seen.answers.keys()].filter((status) => status !== 200 && status !== 503)).toEqual([]);
  expect(seen.answers.get(200)).toBeGreaterThan(CLIENTS * STOPS);
  const verified = await runAduana(['audit', 'verify'], deploymentEnvironment(folder, ENVIRONMENT));
  expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining('WHOLE') });
});
