import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  encodeCertificateChain,
  GRANT_TOKEN_EXCHANGE,
  TOKEN_TYPE_ACCESS_TOKEN,
  TOKEN_TYPE_X509_SVID,
} from '@aduana/core/tokens/token-exchange';
import { Agent, fetch } from 'undici';
import { startTestDeployment, type TestDeployment } from '../support/running-deployment.ts';
import { LONGEST_WAIT_MS, underLoad } from '../support/until.ts';

const BOUND_MS = 2_000;
const QUERY = '{ leads { company } }';

describe('a captured gateway', () => {
  let deployment: TestDeployment;
  /** The attacker: the gateway's certificate and key, and one connection to each service that stays open. */
  let gateway: Agent;
  let operator: Agent;
  beforeAll(async () => {
    deployment = await startTestDeployment();
    gateway = agentOf('gateway');
    operator = agentOf('operator');
  });
  afterAll(async () => {
    await Promise.all([gateway.destroy(), operator.destroy()]);
    await deployment.stop();
  });

  const file = (name: string): string => readFileSync(join(deployment.folder, 'certs', name), 'utf8');
  const agentOf = (service: string): Agent =>
    new Agent({
      connections: 1,
      connect: { ca: file('ca.crt'), cert: file(`${service}.crt`), key: file(`${service}.key`) },
    });
  const url = (port: 'STS_PORT' | 'LEADS_PORT' | 'ADMIN_PORT', path: string): string =>
    `https://localhost:${String(deployment.ports[port])}${path}`;
  const aduana = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await deployment.aduana(...args);
    expect([code, stderr]).toEqual([0, expect.any(String)]);
    return stdout;
  };

  async function token(as: Agent, form: Readonly<Record<string, string>>): Promise<string> {
    const answer = await fetch(url('STS_PORT', '/sts/token'), {
      method: 'POST', body: new URLSearchParams(form).toString(), dispatcher: as,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    }); // prettier-ignore
    return String(((await answer.json()) as Readonly<Record<string, unknown>>)['access_token']);
  }
  /** What the gateway may get: a token for leads in the name of a caller whose certificate it saw. */
  async function tokenForLeads(): Promise<string> {
    const exchange = { grant_type: GRANT_TOKEN_EXCHANGE, client_id: 'gateway' };
    const first = await token(gateway, {
      ...exchange,
      subject_token: encodeCertificateChain([new X509Certificate(file('bff.crt')).raw]),
      subject_token_type: TOKEN_TYPE_X509_SVID,
      audience: 'gateway',
    });
    return token(gateway, {
      ...exchange,
      subject_token: first,
      subject_token_type: TOKEN_TYPE_ACCESS_TOKEN,
      audience: 'leads',
      scope: 'leads:read',
    });
  }
  async function askLeads(bearer: string): Promise<number | 'ended'> {
    return fetch(url('LEADS_PORT', '/graphql'), {
      method: 'POST', dispatcher: gateway, body: JSON.stringify({ query: QUERY }),
      headers: { 'content-type': 'application/json', authorization: `Bearer ${bearer}` },
    }).then(async (answer) => (await answer.text(), answer.status), () => 'ended' as const); // prettier-ignore
  }
  const readFeed = (): Promise<number | 'ended'> =>
    fetch(url('STS_PORT', '/sts/status?after=0'), { dispatcher: gateway }).then(
      async (answer) => (await answer.text(), answer.status),
      () => 'ended' as const,
    );
  async function until(holds: () => Promise<boolean>): Promise<number> {
    const started = performance.now();
    while (!(await holds())) {
      if (performance.now() - started > LONGEST_WAIT_MS) throw new Error('it does not become so');
      await pause(25);
    }
    return performance.now() - started;
  }
  const answersCallers = async (): Promise<boolean> =>
    (await deployment.aduana('query', '--as', 'bff', QUERY)).stdout.includes('company');

  test('is suspended without passing through it: STS and subgraphs refuse it on open connections, until it is restored', async () => {
    const bearer = await tokenForLeads();
    expect(await askLeads(bearer)).toBe(200);
    expect(await readFeed()).toBe(200);
    expect(await aduana('services', 'suspend', 'gateway', '--reason', 'captured')).toContain(
      'suspended gateway',
    );
    expect(await until(async () => [401, 'ended'].includes(await askLeads(bearer)))).toBeLessThan(
      underLoad(BOUND_MS),
    );
    expect(await until(async () => (await readFeed()) === 'ended')).toBeLessThan(underLoad(BOUND_MS));
    await expect(tokenForLeads()).rejects.toThrow();
    expect(await answersCallers()).toBe(false);
    expect(await aduana('services', 'restore', 'gateway', '--reason', 'clean again')).toContain(
      'restored gateway',
    );
    await until(answersCallers);
    expect(await askLeads(await tokenForLeads())).toBe(200);
  });

  test('opens nothing at admin with the operator in its hands, and the operator nothing with a token of another', async () => {
    const query = '{ services { id } }';
    const ask = async (as: Agent, bearer: string): Promise<string> => {
      const answer = await fetch(url('ADMIN_PORT', '/graphql'), {
        method: 'POST', dispatcher: as, body: JSON.stringify({ query }),
        headers: { 'content-type': 'application/json', authorization: `Bearer ${bearer}` },
      }); // prettier-ignore
      return answer.text();
    };
    const own = await token(operator, {
      grant_type: 'client_credentials',
      client_id: 'operator',
      audience: 'admin',
    });
    expect(await ask(operator, own)).toContain('"id":"gateway"');
    // The token is bound to the operator's certificate, which the gateway does not have.
    expect(await ask(gateway, own)).toContain('invalid_token');
    const bff = agentOf('bff');
    expect(await ask(bff, own)).toContain('FORBIDDEN');
    await bff.destroy();
  });

  test.each(['sts', 'admin', 'audit'])(
    '%s, without which nothing could be restored, is not suspended',
    async (service) => {
      const { code, stderr } = await deployment.aduana('services', 'suspend', service, '--reason', 'x');
      expect([code, stderr]).toEqual([1, expect.stringContaining('SERVICE_ESSENTIAL')]);
    },
  );

  test('is ended for good by its certificate, directly as well', async () => {
    const certificate = join(deployment.folder, 'certs', 'gateway.crt');
    expect(await readFeed()).toBe(200);
    expect(await aduana('certs', 'revoke', certificate, '--reason', 'captured')).toContain('revoked');
    expect(await until(async () => (await readFeed()) === 'ended')).toBeLessThan(underLoad(BOUND_MS));
    expect(await answersCallers()).toBe(false);
  });

  test("a service's own secret is collected from the command line, and shown only where that was asked for", async () => {
    const printed = await aduana('secrets', 'collect', '--as', 'bff');
    expect(printed).toMatch(/collected version 1 of the secret of bff/);
    const secret = (await aduana('secrets', 'collect', '--as', 'bff', '--print')).trim();
    expect(secret).toMatch(/^[\w-]{43}$/);
    expect(printed).not.toContain(secret);
    const { code, stderr } = await deployment.aduana('secrets', 'collect', '--as', 'leads');
    expect([code, stderr]).toEqual([1, expect.stringContaining('NO_CLIENT_SECRET')]);
  });
});
