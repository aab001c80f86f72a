import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { BodySink, Route, ServiceResponse } from '@aduana/core/http/route';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { type HttpService, openHttpService } from '@aduana/server-kit/http/service';
import { until } from '../support/until.ts';

const PIPELINED = 10;

// The attacker: anybody who reaches a port. It sends further requests before the first one is answered, and resets the
// connection: Node closes the first response alone.
let service: HttpService;
let socket: Socket;
let held: (response: ServiceResponse) => void;
const seen = { handled: 0, sent: 0, closed: 0, abandoned: 0 };

beforeEach(async () => {
  Object.assign(seen, { handled: 0, sent: 0, closed: 0, abandoned: 0 });
  service = await openHttpService({
    name: 'test',
    listeners: [{ address: '127.0.0.1', port: 0, tls: undefined }],
    platform: { clock: createSystemClock(), log: createLog('silent', () => undefined) },
  });
  service.serve(ROUTES, () => Promise.resolve({ status: 'ok', checks: {} }), () => false); // prettier-ignore
  socket = connect(service.ports[0] ?? 0, '127.0.0.1').on('error', () => undefined);
  await once(socket, 'connect');
});
afterEach(async () => {
  held({ status: 204 });
  await service.stop();
});

const route = (path: string, handle: Route['handle']): Route => ({ method: 'GET', path, handle });
const ROUTES: readonly Route[] = [
  route('/first', () => new Promise((resolve) => (held = resolve))),
  route('/place', () => {
    seen.handled += 1;
    return Promise.resolve({ status: 200, body: 'x', onSent: () => (seen.sent += 1) });
  }),
  route('/stream', () => {
    seen.handled += 1;
    const start = (sink: BodySink): void => {
      sink.onClose(() => (seen.closed += 1));
    };
    return Promise.resolve({ status: 200, stream: { start, cancel: () => undefined } });
  }),
  route('/waits', async ({ abandoned }) => {
    seen.handled += 1;
    await new Promise<void>((resolve) => {
      abandoned.addEventListener('abort', resolve);
    });
    seen.abandoned += 1;
    return { status: 200 };
  }),
];

async function sendBehindFirst(path: string): Promise<void> {
  const head = (of: string): string => `GET ${of} HTTP/1.1\r\nhost: localhost\r\n\r\n`;
  socket.write(head('/first') + head(path).repeat(PIPELINED));
  await until(() => seen.handled === PIPELINED);
  socket.resetAndDestroy();
}

test('what an answer holds is given back', async () => {
  await sendBehindFirst('/place');
  await until(() => seen.sent === PIPELINED);
});

test('streams end', async () => {
  await sendBehindFirst('/stream');
  await until(() => seen.closed === PIPELINED);
});

test('work that nobody waits for is abandoned', async () => {
  await sendBehindFirst('/waits');
  await until(() => seen.abandoned === PIPELINED);
});

test('pipelined requests are answered in their order', async () => {
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const head = (of: string): string => `GET ${of} HTTP/1.1\r\nhost: localhost\r\n\r\n`;
  const statuses = (): readonly string[] => text.match(/HTTP\/1\.1 \d+/g) ?? [];
  socket.write(head('/first') + head('/place').repeat(2));
  await until(() => seen.handled === 2);
  held({ status: 204 });
  await until(() => statuses().length === 3);
  expect(statuses()).toEqual(['HTTP/1.1 204', 'HTTP/1.1 200', 'HTTP/1.1 200']);
  await until(() => seen.sent === 2);
  socket.destroy();
});
