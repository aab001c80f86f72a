import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import type { AuditRecord } from '@aduana/client/audit/audit-event';
import type { ServiceRequest } from '@aduana/core/http/route';
import { createLog } from '@aduana/server-kit/platform/create-log';
import type { HandlerDependencies } from '../../gateway/handler-dependencies.ts';
import { createUpgradeHandler } from '../../gateway/websocket/create-upgrade-handler.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { delegatedOf } from '../support/stream-world.ts';
import { until } from '../support/until.ts';

// The attacker: anybody who reaches the port, without credentials.
const TRACE = { traceId: '0'.repeat(32), spanId: '0'.repeat(16), sampled: false };
let server: Server;
let records: AuditRecord[];
const open: WebSocket[] = [];

beforeEach(async () => {
  records = [];
  const dependencies = {
    platform: { clock: createFakeClock(), log: createLog('silent', () => undefined) },
    browser: { publicHosts: [], allowedOrigins: [] },
    limits: { bodyBytes: 1_048_576, batch: 'off' },
    streams: {
      supervisor: { add: () => undefined, remove: () => undefined, version: () => 1, isDraining: false },
    },
    audit: {
      record(record: AuditRecord) {
        records.push(record);
        return Promise.resolve('');
      },
    },
    flood: { count: () => Promise.resolve(undefined) },
    exchange: () => Promise.resolve(delegatedOf('a', {})),
  } as unknown as HandlerDependencies;
  const limits = { take: () => () => undefined, connect: () => () => undefined };
  const handle = createUpgradeHandler({
    dependencies,
    limits,
    heartbeatMs: 15_000,
    messageBytes: 67_108_864,
  });
  server = createServer().on('upgrade', (message, socket, head) => {
    const request = {
      method: 'GET', path: '/graphql', headers: message.headers, headerCount: () => 1, peer: undefined,
      remoteAddress: '127.0.0.1', encrypted: false, trace: TRACE, signal: new AbortController().signal,
    } as unknown as ServiceRequest; // prettier-ignore
    const refuse = ({ status }: { readonly status: number }): void =>
      void socket.end(`HTTP/1.1 ${String(status)} refused\r\n\r\n`);
    void handle({ request, message, socket, head, refuse });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(async () => {
  for (const socket of open.splice(0)) socket.terminate();
  await new Promise((resolve) => server.close(resolve));
});

async function connect(headers: Readonly<Record<string, string>> = {}): Promise<WebSocket> {
  const url = `ws://127.0.0.1:${String((server.address() as AddressInfo).port)}/graphql`;
  const socket = new WebSocket(url, 'graphql-transport-ws', { headers });
  open.push(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.on('error', reject);
  });
  return socket;
}

test('whoever has shown nothing has no room for a message', async () => {
  const socket = await connect();
  const closed = once(socket, 'close');
  socket.send('x'.repeat(200_000), { fin: false });
  await closed;
  expect(records).toHaveLength(1);
});

test('a client that leaves without a word leaves an event, and one with credentials is named in it', async () => {
  (await connect()).terminate();
  (await connect({ authorization: 'Bearer a.b.c' })).terminate();
  await until(() => records.length === 2);
  expect(records.map(({ outcome, actor }) => [outcome, actor.sub])).toEqual([
    ['DENIED', 'anonymous'],
    ['DENIED', 'a'],
  ]);
});

test('a crowd of silent ones keeps nobody out: the oldest makes room, and none does for a token', async () => {
  const oldest = await connect();
  const closed = once(oldest, 'close');
  for (let count = 1; count < 1_000; count += 111)
    await Promise.all(Array.from({ length: 111 }, () => connect()));
  await expect(connect({ authorization: 'Bearer a.b.c' })).resolves.toBeDefined();
  expect(oldest.readyState).toBe(WebSocket.OPEN);
  await expect(connect()).resolves.toBeDefined();
  expect((await closed)[0]).toBe(4408);
  await until(() => records.length === 1);
});
