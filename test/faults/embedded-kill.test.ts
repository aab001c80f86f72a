import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { EXIT } from '@aduana/audit-verifier/verdict';
import {
  type CommandResult,
  startTestDeployment,
  type TestDeployment,
} from '../support/running-deployment.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { type LoadAnswer, startSteadyLoad } from '../support/steady-load.ts';
import { underLoad } from '../support/until.ts';

const KILLS = Number(process.env['EMBEDDED_KILLS'] ?? 1);
const CLOSED_WITHIN_MS = 20_000;

describe('kill -9 of the whole deployment over PGlite', () => {
  const environment = {
    BFF_CLIENT_SECRET: 'a secret of the BFF for a test',
    ACTUATOR_CLIENT_SECRET: 'a secret of the actuator for a test',
  };
  let folder: string;
  let deployment: TestDeployment | undefined;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aduana-embedded-'));
  });
  afterAll(async () => {
    deployment?.process.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  const basic = (service: string, secret: string): string =>
    `Basic ${Buffer.from(`${service}:${encodeURIComponent(secret)}`).toString('base64')}`;

  /** Answers of one life of the deployment, which ends in the middle of the load. */
  async function liveAndDie(life: number, milliseconds: number): Promise<readonly LoadAnswer[]> {
    deployment = await startTestDeployment({ folder, environment });
    const url = `http://127.0.0.1:${String(deployment.ports.GATEWAY_HTTP_PORT)}/graphql`;
    const reading = {
      authorization: basic('bff', environment.BFF_CLIENT_SECRET),
      document: '{ leads { company } }',
    };
    const writing = (n: number) => ({
      authorization: basic('actuator', environment.ACTUATOR_CLIENT_SECRET),
      document: `mutation { advanceLead(id: "lead-1", to: CONTACTED, idempotencyKey: "${String(life)}-${String(n)}") { id } }`,
    });
    const load = startSteadyLoad(url, 6, (n) => (n % 4 === 0 ? writing(n) : reading));
    try {
      await load.untilMore(20);
      await wait(milliseconds);
      deployment.process.kill('SIGKILL');
      await once(deployment.process, 'exit');
    } finally {
      await load.stop();
    }
    return load.answers;
  }

  /** A deployment that is ready may still be telling what became of requests that its last life left open: that is incomplete. */
  async function verifyOnceClosed({ aduana }: TestDeployment): Promise<CommandResult> {
    const deadline = performance.now() + underLoad(CLOSED_WITHIN_MS);
    for (;;) {
      const verified = await aduana('audit', 'verify');
      if (verified.code !== EXIT.incomplete || performance.now() > deadline) return verified;
    }
  }

  test(
    `${String(KILLS)} times under load: every answered request is in the log, once, and the log is whole`,
    async () => {
      const random = createSeededRandom(KILLS);
      const answers: LoadAnswer[] = [];
      for (let life = 0; life < KILLS; life += 1) answers.push(...(await liveAndDie(life, random() * 600)));
      deployment = await startTestDeployment({ folder, environment });
      const out = join(folder, 'exported');
      expect(await verifyOnceClosed(deployment)).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('WHOLE'),
      });
      expect(await deployment.aduana('audit', 'export', '--out', out)).toMatchObject({ code: 0 });
      expect(await deployment.stop()).toBe(0);
      const copies = new Map<string, number>();
      for (const line of (await readFile(join(out, 'entries.jsonl'), 'utf8')).trimEnd().split('\n')) {
        const { id } = JSON.parse(line) as { id: string };
        copies.set(id, (copies.get(id) ?? 0) + 1);
      }
      const answered = answers.filter(({ auditId }) => auditId !== '').map(({ auditId }) => auditId);
      const found = answered.filter((id) => copies.get(id) === 1);
      process.stdout.write(
        `${String(KILLS)} kills of the deployment over PGlite: ${String(answered.length)} requests answered, ${String(found.length)} found in the log once\n`,
      );
      expect(answered.filter((id) => copies.get(id) !== 1)).toEqual([]);
      expect(answered.length).toBeGreaterThanOrEqual(KILLS * 20);
    },
    240_000 + KILLS * 30_000,
  );
});
