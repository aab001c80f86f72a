import { once } from 'node:events';
import { connect } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { request as httpsRequest } from 'node:https';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { expect, test } from '@jest/globals';
import { openHttpService } from '@aduana/server-kit/http/service';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createTestCa } from '../../../support/test-ca.ts';
import { issueTestIdentity } from '../../../support/test-identity.ts';
import { ROUTES } from '../../../support/http-service-routes.ts';
import { until } from '../../../support/until.ts';

const log = createLog('silent', () => undefined);
const REQUEST = 'GET /headers HTTP/1.1\r\nhost: localhost\r\n\r\n';

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

test('a request that is on its way over an idle connection when a service stops is answered', async () => {
  const service = await openHttpService({
    name: 'test',
    listeners: [{ address: '127.0.0.1', port: 0, tls: undefined }],
    platform: { clock: createSystemClock(), log },
  });
  service.serve(ROUTES, () => Promise.resolve({ status: 'ok', checks: {} }), () => false); // prettier-ignore
  const socket = connect(service.ports[0] ?? 0, '127.0.0.1').on('error', () => undefined);
  let received = '';
  socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
  const answers = (): readonly string[] => received.match(/HTTP\/1\.1 200 /g) ?? [];
  const ended = once(socket, 'close');
  socket.write(REQUEST);
  await until(() => answers().length === 1);
  const stopped = service.stop();
  await nextTurn();
  await nextTurn(); // its port is closed
  socket.write(REQUEST);
  await ended;
  expect(answers()).toHaveLength(2);
  expect(received.toLowerCase()).toContain('connection: close');
  await stopped;
});
