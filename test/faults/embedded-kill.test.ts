import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { EXIT } from '../../auditor/verdict.ts';
import { type CommandResult, startTestHouse, type TestHouse } from '../support/running-house.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { type LoadAnswer, startSteadyLoad } from '../support/steady-load.ts';

const KILLS = Number(process.env['EMBEDDED_KILLS'] ?? 1);
const CLOSED_WITHIN_MS = 20_000;

describe('kill -9 of the whole house over PGlite', () => {
  const environment = {
    BFF_CLIENT_SECRET: 'a secret of the BFF for a test',
    ACTUATOR_CLIENT_SECRET: 'a secret of the actuator for a test',
  };
  let folder: string;
  let house: TestHouse | undefined;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aduana-embedded-'));
  });
  afterAll(async () => {
    house?.process.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  const basic = (service: string, secret: string): string =>
    `Basic ${Buffer.from(`${service}:${encodeURIComponent(secret)}`).toString('base64')}`;

  /** Answers of one life of the house, which ends in the middle of the load. */
  async function liveAndDie(life: number, milliseconds: number): Promise<readonly LoadAnswer[]> {
    house = await startTestHouse({ folder, environment });
    const url = `http://127.0.0.1:${String(house.ports.GATEWAY_HTTP_PORT)}/graphql`;
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
      house.process.kill('SIGKILL');
      await once(house.process, 'exit');
    } finally {
      await load.stop();
    }
    return load.answers;
  }

  /** A house that is ready may still be telling what became of requests that its last life left open: that is incomplete. */
  async function verifyOnceClosed({ aduana }: TestHouse): Promise<CommandResult> {
    const deadline = performance.now() + CLOSED_WITHIN_MS;
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
      house = await startTestHouse({ folder, environment });
      const out = join(folder, 'exported');
      expect(await verifyOnceClosed(house)).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('WHOLE'),
      });
      expect(await house.aduana('audit', 'export', '--out', out)).toMatchObject({ code: 0 });
      expect(await house.stop()).toBe(0);
      const copies = new Map<string, number>();
      for (const line of (await readFile(join(out, 'entries.jsonl'), 'utf8')).trimEnd().split('\n')) {
        const { id } = JSON.parse(line) as { id: string };
        copies.set(id, (copies.get(id) ?? 0) + 1);
      }
      const answered = answers.filter(({ auditId }) => auditId !== '').map(({ auditId }) => auditId);
      const found = answered.filter((id) => copies.get(id) === 1);
      process.stdout.write(
        `${String(KILLS)} kills of the house over PGlite: ${String(answered.length)} requests answered, ${String(found.length)} found in the log once\n`,
      );
      expect(answered.filter((id) => copies.get(id) !== 1)).toEqual([]);
      expect(answered.length).toBeGreaterThanOrEqual(KILLS * 20);
    },
    60_000 + KILLS * 30_000,
  );
});
