import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { SecurityError } from '@aduana/core/errors/security-error';
import { answerBrokenRequest } from '@aduana/server-kit/http/broken-request';
import { type HttpService, openHttpService } from '@aduana/server-kit/http/service';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';

const LIMIT = 1_048_576;
const ROOM = 4 * LIMIT;
const open: Socket[] = [];
let service: HttpService | undefined;
let arrived = 0;

async function serve(clock: FakeClock = createFakeClock()): Promise<void> {
  service = await openHttpService({
    name: 'test',
    listeners: [{ address: '127.0.0.1', port: 0, tls: undefined }],
    bodyBytes: ROOM,
    platform: { clock, log: createLog('silent', () => undefined) },
  });
  const routes = [
    {
      method: 'POST',
      path: '/protected',
      handle: () => {
        arrived += 1;
        return Promise.reject(new SecurityError('UNAUTHENTICATED'));
      },
    },
    {
      method: 'POST',
      path: '/read',
      handle: async (request: { body(limit: number, owner?: string): Promise<Buffer>; headers: object }) => {
        arrived += 1;
        const { owner } = request.headers as { owner?: string };
        return { status: 200, body: String((await request.body(LIMIT, owner)).length) };
      },
    },
  ] as const;
  service.serve(routes, () => Promise.resolve({ status: 'ok', checks: {} }), () => false); // prettier-ignore
}

afterEach(async () => {
  for (const socket of open.splice(0)) socket.destroy();
  arrived = 0;
  await service?.stop();
});

async function send(head: string, body: Buffer | string = ''): Promise<Socket> {
  const socket = connect(service?.ports[0] ?? 0, '127.0.0.1');
  open.push(socket);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(`${head}\r\nhost: localhost\r\n\r\n`);
  socket.write(body);
  return socket;
}

async function answerOf(socket: Socket): Promise<string> {
  let text = '';
  const last = /"error":"\w+"|\r\n\r\n\d+$/;
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  while (!last.test(text) && !socket.closed) await new Promise(setImmediate);
  return text;
}

const half = (path: string, owner = 'one', length = LIMIT): string =>
  `POST ${path} HTTP/1.1\r\ncontent-length: ${String(length)}\r\nowner: ${owner}`;

test('four hundred half-sent bodies without credentials are answered, and nothing of them is kept', async () => {
  await serve();
  const before = process.memoryUsage();
  const part = Buffer.alloc(LIMIT / 8, 'x');
  const sockets = await Promise.all(Array.from({ length: 400 }, () => send(half('/protected'), part)));
  for (const answer of await Promise.all(sockets.map(answerOf)))
    expect(answer).toMatch(/^HTTP\/1.1 4(01|08) /);
  const after = process.memoryUsage();
  expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(32 * LIMIT);
});

test('half-sent bodies of one client find at most half of the room, and another is served meanwhile', async () => {
  await serve();
  const sockets = await Promise.all(
    Array.from({ length: 10 }, () => send(half('/read'), Buffer.alloc(LIMIT / 2, 'x'))),
  );
  const first = await Promise.race(sockets.map(answerOf));
  expect(first).toContain('429');
  expect(first).toContain('CONCURRENCY_LIMITED');
  expect(first.toLowerCase()).toContain('retry-after');
  expect(await answerOf(await send(half('/read', 'two', 100_000), 'x'.repeat(100_000)))).toContain('200');
});

test('half-sent bodies of all clients find no more than the room there is', async () => {
  await serve();
  const part = Buffer.alloc(LIMIT - 1, 'x');
  const sockets = await Promise.all(
    Array.from({ length: 8 }, (_, n) => send(half('/read', `client ${String(n)}`), part)),
  );
  const first = await Promise.race(sockets.map(answerOf));
  expect(first).toContain('503');
  expect(first).toContain('OVERLOADED');
});

test('what a body took is free again when it is answered, or when its client left', async () => {
  await serve();
  for (let round = 0; round < 20; round += 1)
    expect(await answerOf(await send(half('/read'), Buffer.alloc(LIMIT, 'x')))).toContain(String(LIMIT));
  for (let round = 0; round < 20; round += 1) {
    const socket = await send(half('/read'), Buffer.alloc(LIMIT / 2, 'x'));
    while (arrived < 21 + round) await new Promise(setImmediate);
    socket.destroy();
  }
  let answer = '';
  while (!answer.includes('200'))
    answer = await answerOf(await send(half('/read'), Buffer.alloc(LIMIT, 'x')));
});

test('a body of which nothing more comes is refused with 408, and the connection ends', async () => {
  const clock = createFakeClock();
  await serve(clock);
  const answer = await passTimeUntil(answerOf(await send(half('/read'), 'x')), clock);
  expect(answer).toMatch(/^HTTP\/1.1 408 [^]*connection: close[^]*REQUEST_TIMEOUT/i);
});

test('a body that trickles in is refused with 408 as well', async () => {
  const clock = createFakeClock();
  await serve(clock);
  const socket = await send(half('/read'), 'x');
  const trickle = setInterval(() => socket.write('x'), 1);
  expect(await passTimeUntil(answerOf(socket), clock)).toContain('REQUEST_TIMEOUT');
  clearInterval(trickle);
});

async function passTimeUntil(answer: Promise<string>, clock: FakeClock): Promise<string> {
  const state = { answered: false };
  void answer.finally(() => (state.answered = true));
  while (!state.answered) await clock.advance(100);
  return answer;
}

test('who asks whether the body may come is answered before it is sent', async () => {
  await serve();
  expect(await answerOf(await send(`${half('/protected')}\r\nexpect: 100-continue`))).toMatch(
    /^HTTP\/1.1 401/,
  );
  const socket = await send(`${half('/read', 'one', 5)}\r\nexpect: 100-continue`);
  const answer = answerOf(socket);
  while (arrived < 2) await new Promise(setImmediate);
  socket.write('abcde');
  expect(await answer).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 /);
});

test.each([
  ['no request', 'NONSENSE\r\n\r\n', 400, 'BAD_REQUEST'],
  ['a head over 16 KiB', `GET / HTTP/1.1\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'HEADERS_TOO_LARGE'],
  [
    'two lengths',
    'POST /read HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n',
    400,
    'BAD_REQUEST',
  ],
])('%s is answered with its code', async (_name, text, status, code) => {
  await serve();
  const socket = connect(service?.ports[0] ?? 0, '127.0.0.1');
  open.push(socket);
  const answer = answerOf(socket);
  socket.write(text);
  expect(await answer).toMatch(new RegExp(`^HTTP/1.1 ${String(status)} [^]*"error":"${code}"`));
});

test('a head that does not come in time is answered with its code', async () => {
  await serve();
  const sent: string[] = [];
  const socket = { writable: true, end: (text: string) => sent.push(text) };
  answerBrokenRequest(Object.assign(new Error(), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), socket as never);
  expect(sent[0]).toMatch(/^HTTP\/1.1 408 Request Timeout\r\n[^]*"error":"REQUEST_TIMEOUT"/);
});
