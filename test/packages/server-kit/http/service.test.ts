import { request as httpsRequest, Agent } from 'node:https';
import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { SecurityError } from '@aduana/core/errors/security-error';
import { requirePeer } from '@aduana/core/http/require-peer';
import type { Route } from '@aduana/core/http/route';
import { type HttpService, openHttpService } from '@aduana/server-kit/http/service';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createTestCa, type TestCa, type TestLeaf } from '../../../support/test-ca.ts';
import { issueTestIdentity } from '../../../support/test-identity.ts';

const log = createLog('silent', () => undefined);
const ROUTES: Route[] = [
  {
    method: 'POST',
    path: '/echo',
    handle: async (request) => ({ status: 200, body: await request.body(100) }),
  },
  {
    method: 'GET',
    path: '/peer',
    handle: (request) => Promise.resolve({ status: 200, body: requirePeer(request, undefined).spiffeId }),
  },
  {
    method: 'GET',
    path: '/headers',
    handle: (request) => Promise.resolve({ status: 200, body: JSON.stringify(request.headers) }),
  },
  {
    method: 'GET',
    path: '/refused',
    handle: () => Promise.reject(new SecurityError('FORBIDDEN', { detail: 'internal' })),
  },
  { method: 'GET', path: '/broken', handle: () => Promise.reject(new Error('password=hunter2')) },
  {
    method: 'GET',
    path: '/files/*',
    handle: (request) => Promise.resolve({ status: 200, body: request.path }),
  },
];

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

test('a listener of some paths serves those alone, and asks nobody for a certificate', async () => {
  const ca = await createTestCa();
  const tls = {
    identity: await issueTestIdentity(ca, 'sts'),
    trustDomain: 'aduana.local',
    minVersion: 'TLSv1.3',
  } as const;
  const service = await openHttpService({
    name: 'test',
    listeners: [
      { address: '127.0.0.1', port: 0, tls: { ...tls, clientCertificates: 'require' } },
      { address: '127.0.0.1', port: 0, tls: { ...tls, clientCertificates: 'none' }, paths: ['/headers'] },
    ],
    platform: { clock: createSystemClock(), log },
  });
  service.serve(ROUTES, () => Promise.resolve({ status: 'ok', checks: {} }), () => false); // prettier-ignore
  const statusOf = (port: number | undefined, path: string): Promise<number | string> =>
    new Promise((resolve) => {
      const request = httpsRequest(
        { host: '127.0.0.1', port, path, ca: ca.cert, agent: false },
        (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        },
      );
      request.on('error', () => {
        resolve('refused');
      });
      request.end();
    });
  const [whole, some] = service.ports;
  try {
    expect(await statusOf(whole, '/headers')).toBe('refused');
    expect(await statusOf(some, '/headers')).toBe(200);
    for (const path of ['/peer', '/files/x', '/health', '/']) expect(await statusOf(some, path)).toBe(404);
  } finally {
    await service.stop();
  }
});

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

  test('tells code and text of a refusal, and nothing of its detail', async () => {
    const refused = await call('GET', '/refused');
    expect(refused.status).toBe(403);
    expect(JSON.parse(refused.body)).toEqual({
      error: 'FORBIDDEN',
      error_description: 'The caller may not do this',
    });
  });

  test('tells nothing of a failure that has no code', async () => {
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

test('a replica that is not ready ends the connections made while it was, and keeps those made since', async () => {
  const state: { status: 'ok' | 'unavailable' } = { status: 'ok' };
  const service = await openHttpService({
    name: 'test',
    listeners: [{ address: '127.0.0.1', port: 0, tls: undefined }],
    platform: { clock: createSystemClock(), log },
  });
  service.serve(ROUTES, () => Promise.resolve({ status: state.status, checks: {} }), () => false); // prettier-ignore
  const agents = [new HttpAgent({ keepAlive: true }), new HttpAgent({ keepAlive: true })] as const;
  const connectionOf = (agent: HttpAgent): Promise<string | undefined> =>
    new Promise((resolve, reject) => {
      const url = `http://127.0.0.1:${String(service.ports[0])}/headers`;
      const request = httpRequest(url, { agent }, (response) => {
        response.resume().on('end', () => { resolve(response.headers.connection); }); // prettier-ignore
      });
      request.on('error', reject).end();
    });
  try {
    expect(await connectionOf(agents[0])).toBe('keep-alive');
    state.status = 'unavailable';
    expect(await service.isReady()).toBe(false);
    expect(await connectionOf(agents[0])).toBe('close');
    expect(await connectionOf(agents[1])).toBe('keep-alive');
    expect(await connectionOf(agents[1])).toBe('keep-alive');
  } finally {
    for (const agent of agents) agent.destroy();
    await service.stop();
  }
});

test('a port that is taken is a configuration problem with a remedy', async () => {
  const plain = { address: '127.0.0.1', port: 0, tls: undefined };
  const platform = { clock: createSystemClock(), log };
  const first = await openHttpService({ name: 'first', listeners: [plain], platform });
  const port = first.ports[0] ?? 0;
  await expect(
    openHttpService({ name: 'second', listeners: [{ ...plain, port }], platform }),
  ).rejects.toMatchObject({ name: 'ConfigurationError', problems: [{ problem: 'the port is taken' }] });
  await first.stop();
});
