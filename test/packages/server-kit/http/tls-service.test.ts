import { request as httpsRequest, Agent } from 'node:https';
import { type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type HttpService, openHttpService } from '@aduana/server-kit/http/service';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createTestCa, type TestCa, type TestLeaf } from '../../../support/test-ca.ts';
import { issueTestIdentity } from '../../../support/test-identity.ts';
import { ROUTES } from '../../../support/http-service-routes.ts';

const log = createLog('silent', () => undefined);

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

describe('a service over TLS', () => {
  let ca: TestCa;
  let leaf: TestLeaf;
  let service: HttpService;
  let revoked: string | undefined;

  beforeAll(async () => {
    ca = await createTestCa();
    leaf = await ca.issue('gateway');
    service = await openHttpService({
      name: 'test',
      listeners: [
        {
          address: '127.0.0.1',
          port: 0,
          tls: {
            identity: await issueTestIdentity(ca, 'sts'),
            trustDomain: 'aduana.local',
            clientCertificates: 'request',
            minVersion: 'TLSv1.3',
          },
        },
      ],
      platform: { clock: createSystemClock(), log },
    });
  });
  afterAll(() => service.stop());

  function call(
    method: string,
    path: string,
    options: { body?: string; leaf?: TestLeaf; headers?: Record<string, string>; agent?: Agent } = {},
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const request = httpsRequest(
        {
          host: '127.0.0.1',
          port: service.ports[0],
          method,
          path,
          ca: ca.cert,
          ...(options.leaf === undefined ? {} : { cert: options.leaf.cert, key: options.leaf.key }),
          agent: options.agent ?? false,
          headers: options.headers ?? {},
        },
        (response) => {
          let body = '';
          response.on('data', (chunk: Buffer) => (body += chunk.toString()));
          response.on('end', () => { resolve({ status: response.statusCode ?? 0, headers: response.headers, body }); }); // prettier-ignore
          response.on('error', reject);
        },
      );
      request.on('error', reject);
      request.end(options.body);
    });
  }

  test('is live at once, and not ready before it serves', async () => {
    expect((await call('GET', '/health/live')).status).toBe(200);
    expect((await call('GET', '/health/ready')).status).toBe(503);
    expect(await call('GET', '/echo')).toMatchObject({
      status: 503,
      body: expect.stringContaining('NOT_READY'),
    });
    expect(await service.isReady()).toBe(false);
    service.serve(
      ROUTES,
      () => Promise.resolve({ status: 'ok', checks: { store: 'ok' } }),
      (thumbprint) => thumbprint === revoked,
    );
    expect(await call('GET', '/health/ready')).toMatchObject({
      status: 200,
      body: expect.stringContaining('"store":"ok"'),
    });
    expect(await service.isReady()).toBe(true);
  });

  test('answers 404 and 405 with what is allowed', async () => {
    expect(await call('GET', '/nowhere')).toMatchObject({ status: 404 });
    expect(await call('DELETE', '/echo')).toMatchObject({ status: 405, headers: { allow: 'POST' } });
    expect(await call('GET', '/files/a/b')).toMatchObject({ status: 200, body: '/files/a/b' });
    expect(await call('HEAD', '/files/a')).toMatchObject({
      status: 200,
      body: '',
      headers: { 'content-length': '8' },
    });
  });

  test('shows code and text of a refusal, and nothing of its detail', async () => {
    const refused = await call('GET', '/refused');
    expect(refused.status).toBe(403);
    expect(JSON.parse(refused.body)).toEqual({
      error: 'FORBIDDEN',
      error_description: 'The caller may not do this',
    });
  });

  test('reveals nothing of a failure that has no code', async () => {
    const broken = await call('GET', '/broken');
    expect(broken.status).toBe(500);
    expect(broken.body).not.toContain('hunter2');
  });

  test('refuses a body over the limit, told or found out, and one with a content coding', async () => {
    expect((await call('POST', '/echo', { body: 'x'.repeat(100) })).body).toHaveLength(100);
    expect((await call('POST', '/echo', { body: 'x'.repeat(101) })).status).toBe(413);
    const chunked = { 'transfer-encoding': 'chunked' };
    expect((await call('POST', '/echo', { body: 'x'.repeat(101), headers: chunked })).status).toBe(413);
    expect((await call('POST', '/echo', { body: 'x'.repeat(3_000_000) })).status).toBe(413);
    expect((await call('POST', '/echo', { body: 'x', headers: { 'content-encoding': 'gzip' } })).status).toBe(
      415,
    );
  });

  test('strips the headers by which a hop would tell of its client', async () => {
    const headers = {
      'client-cert': ':forged:',
      'x-forwarded-for': '1.2.3.4',
      forwarded: 'for=1.2.3.4',
      'x-kept': 'yes',
    };
    const seen = JSON.parse((await call('GET', '/headers', { headers })).body) as Record<string, string>;
    expect(seen).toMatchObject({ 'x-kept': 'yes' });
    for (const name of ['client-cert', 'x-forwarded-for', 'forwarded']) expect(seen).not.toHaveProperty(name);
  });

  test('knows its peer by the verified certificate, and refuses who must show one and does not', async () => {
    expect((await call('GET', '/peer', { leaf })).body).toBe('spiffe://aduana.local/gateway');
    expect(await call('GET', '/peer')).toMatchObject({
      status: 403,
      body: expect.stringContaining('MTLS_REQUIRED'),
    });
  });

  test('ends the connection of a certificate that does not verify', async () => {
    const bad = await ca.issueBad('unknown_ca', 'gateway');
    await expect(call('GET', '/headers', { leaf: bad })).rejects.toThrow();
  });

  test('ends an open connection once its certificate is revoked', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const other = await ca.issue('leads');
    expect((await call('GET', '/peer', { leaf: other, agent })).status).toBe(200);
    revoked = other.thumbprint;
    await expect(call('GET', '/peer', { leaf: other, agent })).rejects.toThrow();
    agent.destroy();
  });
});
