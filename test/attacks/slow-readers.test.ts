import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type HttpService, openHttpService } from '@aduana/server-kit/http/service';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createFakeClock } from '../support/fake-clock.ts';

/** More than the system keeps for a connection that nobody reads. */
const ANSWER = Buffer.alloc(32 * 1024 * 1024);
const REQUESTS = 'http.server.request.start';
/** What ends the server's side of each connection that asked. */
const ended: Promise<unknown>[] = [];
const onRequest = (event: unknown): void => {
  ended.push(once((event as { readonly socket: Socket }).socket, 'close'));
};
let service: HttpService;

beforeAll(async () => {
  subscribe(REQUESTS, onRequest);
  service = await openHttpService({
    name: 'test',
    listeners: [{ address: '127.0.0.1', port: 0, tls: undefined }],
    longestStallMilliseconds: 2_000,
    platform: { clock: createFakeClock(), log: createLog('silent', () => undefined) },
  });
  const answer = {
    method: 'GET',
    path: '/large',
    handle: () => Promise.resolve({ status: 200, body: ANSWER }),
  } as const;
  service.serve([answer], () => Promise.resolve({ status: 'ok', checks: {} }), () => false); // prettier-ignore
});
afterAll(async () => {
  unsubscribe(REQUESTS, onRequest);
  await service.stop();
});

test('a client that asks and does not read its answer does not keep it in memory for ever', async () => {
  const socket = connect(service.ports[0] ?? 0, '127.0.0.1');
  await once(socket, 'connect');
  socket.pause();
  socket.write('GET /large HTTP/1.1\r\nhost: localhost\r\n\r\n');
  while (ended.length === 0) await new Promise(setImmediate);
  await expect(ended[0]).resolves.toBeDefined();
  socket.destroy();
});

test('a client that reads slowly gets its whole answer', async () => {
  const socket = connect(service.ports[0] ?? 0, '127.0.0.1');
  await once(socket, 'connect');
  socket.write('GET /large HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n');
  let length = 0;
  for await (const chunk of socket) {
    length += (chunk as Buffer).length;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  expect(length).toBeGreaterThan(ANSWER.length);
});
