import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { serverAudits } from 'graphql-http';
import { startTestHouse, type TestHouse } from '../support/running-house.ts';

describe('GraphQL over HTTP, by the audits of graphql-http, over PGlite', () => {
  let house: TestHouse;
  let token: string;

  beforeAll(async () => {
    house = await startTestHouse();
    const { stdout, stderr } = await house.aduana('token', '--as', 'bff');
    token = stdout.trim();
    if (token === '') throw new Error(`no token: ${stderr}`);
  }, 120_000);
  afterAll(async () => {
    expect(await house.stop()).toBe(0);
  }, 60_000);

  const audits = serverAudits({
    url: () => `http://localhost:${String(house.ports.GATEWAY_HTTP_PORT)}/graphql`,
    fetchFn: (url: string, init: RequestInit = {}) =>
      fetch(url, {
        ...init,
        headers: { ...(init.headers as Record<string, string>), authorization: `Bearer ${token}` },
      }),
  });
  const binding = audits.filter(({ name }) => /^(MUST|SHOULD)/.test(name));

  test('all of them are run', () => {
    expect(binding.length).toBeGreaterThanOrEqual(36);
  });

  test.each(binding.map((audit) => [audit.name, audit] as const))('%s', async (_name, audit) => {
    const result = await audit.fn();
    expect('reason' in result ? result.reason : result.status).toBe('ok');
  });
});
