import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { serverAudits } from 'graphql-http';
import { startTestDeployment, type TestDeployment } from '../support/running-deployment.ts';

describe('GraphQL over HTTP, by the audits of graphql-http, over PGlite', () => {
  let deployment: TestDeployment;
  let token: string;

  beforeAll(async () => {
    deployment = await startTestDeployment();
    const { stdout, stderr } = await deployment.aduana('token', '--as', 'bff');
    token = stdout.trim();
    if (token === '') throw new Error(`no token: ${stderr}`);
  });
  afterAll(async () => {
    expect(await deployment.stop()).toBe(0);
  });

  const audits = serverAudits({
    url: () => `http://localhost:${String(deployment.ports.GATEWAY_HTTP_PORT)}/graphql`,
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
