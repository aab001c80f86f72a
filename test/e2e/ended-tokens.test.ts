import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { decodeJwt } from 'jose';
import { startTestDeployment, type TestDeployment } from '../support/running-deployment.ts';
import { LONGEST_WAIT_MS, underLoad, until } from '../support/until.ts';

const BOUND_MS = 2_000;

describe('what has been ended is refused by the whole deployment over PGlite', () => {
  let folder: string;
  let deployment: TestDeployment;
  let operator: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aduana-ended-'));
    deployment = await startTestDeployment({ folder });
    operator = await tokenOf('operator');
  });
  afterAll(async () => {
    await deployment.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const tokenOf = async (service: string): Promise<string> =>
    (await deployment.aduana('token', '--as', service)).stdout.trim();

  async function ask(token: string, query: string): Promise<{ status: number; text: string }> {
    const answer = await fetch(`http://localhost:${String(deployment.ports.GATEWAY_HTTP_PORT)}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ query }),
    });
    return { status: answer.status, text: await answer.text() };
  }
  const leads = async (token: string): Promise<number> => (await ask(token, '{ leads { company } }')).status;

  /** How long the token goes on being accepted, in milliseconds. */
  async function untilRefused(token: string): Promise<number> {
    const started = performance.now();
    while ((await leads(token)) !== 401) {
      if (performance.now() - started > LONGEST_WAIT_MS) throw new Error('still accepted');
      await pause(25);
    }
    return performance.now() - started;
  }

  test('a revoked token, within two seconds, and after a restart as well', async () => {
    const token = await tokenOf('bff');
    expect(await leads(token)).toBe(200);
    const jti = String(decodeJwt(token).jti);
    const { text } = await ask(operator, `mutation { revokeToken(jti: "${jti}", reason: "a test") { jti } }`);
    expect(text).toContain(jti);
    expect(await untilRefused(token)).toBeLessThan(underLoad(BOUND_MS));
    await deployment.stop();
    deployment = await startTestDeployment({ folder });
    expect(await leads(token)).toBe(401);
    operator = await tokenOf('operator');
  });

  test('a suspended service, within two seconds, and it is restored', async () => {
    const token = await tokenOf('bff');
    expect(await leads(token)).toBe(200);
    await ask(operator, 'mutation { suspendService(serviceId: "bff", reason: "a test") { id } }');
    expect(await untilRefused(token)).toBeLessThan(underLoad(BOUND_MS));
    await ask(operator, 'mutation { restoreService(serviceId: "bff", reason: "a test") { id } }');
    await until(async () => (await leads(token)) === 200);
  });

  test('what a compromised key signed, within two seconds, while new tokens work at once', async () => {
    const token = await tokenOf('bff');
    expect(await leads(token)).toBe(200);
    const rotated = await ask(
      operator,
      'mutation { rotateSigningKeys(mode: COMPROMISED, reason: "a test") { active { kid } } }',
    );
    expect(rotated.text).toContain('kid');
    expect(await untilRefused(token)).toBeLessThan(underLoad(BOUND_MS));
    expect(await leads(await tokenOf('bff'))).toBe(200);
  });

  test('a rotation leaves what the old key signed alone', async () => {
    const token = await tokenOf('bff');
    for (let times = 0; times < 2; times += 1) {
      await deployment.aduana('keys', 'rotate', '--reason', 'a test');
      expect(await leads(token)).toBe(200);
      expect(await leads(await tokenOf('bff'))).toBe(200);
    }
  });
});
