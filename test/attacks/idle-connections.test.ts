import { connect, type Socket } from 'node:net';
import { Agent, request } from 'node:https';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createSystemClock } from '@aduana/core/platform/clock';
import { MOST_IDLE } from '@aduana/server-kit/http/idle-connections';
import { type HttpService, openHttpService } from '@aduana/server-kit/http/service';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createTestCa, type TestCa } from '../support/test-ca.ts';
import { issueTestIdentity } from '../support/test-identity.ts';
import { until } from '../support/until.ts';

// The attacker: anybody who opens one connection after the other, and asks nothing.
const open: Socket[] = [];
const agents: Agent[] = [];
let ca: TestCa;
let service: HttpService;
let answerSlow: () => void;

beforeEach(async () => {
  ca = await createTestCa();
  const tls = {
    identity: await issueTestIdentity(ca, 'gateway'),
    trustDomain: 'aduana.local',
    clientCertificates: 'request',
    minVersion: 'TLSv1.3',
  } as const;
  service = await openHttpService({
    name: 'test',
    listeners: [{ address: '127.0.0.1', port: 0, tls }],
    platform: { clock: createSystemClock(), log: createLog('silent', () => undefined) },
  });
  const slow = new Promise<void>((resolve) => (answerSlow = resolve));
  const routes = [
    { method: 'GET', path: '/quick', handle: () => Promise.resolve({ status: 200 }) },
    { method: 'GET', path: '/slow', handle: () => slow.then(() => ({ status: 200 })) },
  ] as const;
  service.serve(routes, () => Promise.resolve({ status: 'ok', checks: {} }), () => false); // prettier-ignore
});
afterEach(async () => {
  for (const socket of open.splice(0)) socket.destroy();
  for (const agent of agents.splice(0)) agent.destroy();
  await service.stop();
});

/** A client with one connection, which it keeps. */
function createClient(localAddress: string): Agent {
  const agent = new Agent({ ca: ca.cert, keepAlive: true, maxSockets: 1, localAddress });
  agents.push(agent);
  return agent;
}

async function ask(agent: Agent, path: string): Promise<{ status: number | undefined; reused: boolean }> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port: service.ports[0], path, agent }, (response) => {
      response.resume().once('end', () => {
        resolve({ status: response.statusCode, reused: asked.reusedSocket });
      });
    });
    asked.once('error', reject).end();
  });
}

/** As many at once as wait for a server to take them; it takes them in their order. */
const BACKLOG = 256;

/** @returns when the server has taken them */
async function openIdle(count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const some = Array.from({ length: Math.min(BACKLOG, count - sockets.length) }, () =>
      connect({ host: '127.0.0.1', port: service.ports[0] ?? 0, localAddress: '127.0.0.1' }),
    );
    for (const socket of some) socket.on('error', () => undefined).resume();
    sockets.push(...some);
    open.push(...some);
    await until(() => some.every(({ connecting }) => !connecting));
    const next = createClient('127.0.0.3');
    await ask(next, '/quick');
    next.destroy();
  }
  return sockets;
}

test('of too many idle connections the oldest of who has most are ended, and no other client loses its own', async () => {
  const [idle, busy] = [createClient('127.0.0.2'), createClient('127.0.0.1')];
  await ask(idle, '/quick');
  const answer = ask(busy, '/slow');
  const oldest = await openIdle(20);
  const others = await openIdle(MOST_IDLE + 20 - oldest.length);
  await until(() => oldest.every(({ closed }) => closed));
  expect(others.filter(({ closed }) => closed).length).toBeLessThan(20);
  expect(await ask(idle, '/quick')).toEqual({ status: 200, reused: true });
  answerSlow();
  expect((await answer).status).toBe(200);
});

test('a connection that is ended once its TLS has begun makes room as well', async () => {
  const first = createClient('127.0.0.1');
  await ask(first, '/quick');
  await openIdle(MOST_IDLE);
  expect(await ask(first, '/quick')).toEqual({ status: 200, reused: false });
});

test('a stop does not wait for connections that begin no TLS', async () => {
  const sockets = await openIdle(10);
  await service.stop();
  await until(() => sockets.every(({ closed }) => closed));
});
