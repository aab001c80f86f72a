import { once } from 'node:events';
import { afterEach, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { callerKey } from '../../gateway/limits/caller-key.ts';
import type { Caller } from '../../gateway/stages.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import {
  closeCodeOf,
  openWebSocketService,
  refusalsOf,
  type WebSocketServiceOptions,
} from '../support/websocket-service.ts';
import { delegatedOf } from '../support/stream-world.ts';
import { until } from '../support/until.ts';

// The attacker: a caller with credentials, who leaves in each of many connections a message that never ends.
const LIMIT = 1_048_576;
const ROOM = 4 * LIMIT;
const PING = JSON.stringify({ type: 'ping' });
let world: Awaited<ReturnType<typeof openWebSocketService>>;

async function open(more: Partial<WebSocketServiceOptions> = {}) {
  const clock = createFakeClock();
  world = await openWebSocketService({ clock, bodyBytes: ROOM, largestBytes: LIMIT, ...more });
  return clock;
}
afterEach(() => world.close());

/** A part of a message, which is followed by nothing. */
function sendPart(socket: WebSocket, bytes: number): void {
  socket.send('x'.repeat(bytes), { fin: false });
}

async function answers(socket: WebSocket, message = PING): Promise<void> {
  const answer = once(socket, 'message');
  socket.send(message);
  await answer;
}

/** Control frames come between the parts of a message. */
async function hasArrived(socket: WebSocket): Promise<void> {
  socket.ping();
  await once(socket, 'pong');
}

/** The first of them that is closed. */
async function firstClosed(sockets: readonly WebSocket[]): Promise<number> {
  return Promise.race(sockets.map(closeCodeOf));
}

test('many connections of one caller hold at most half of the room, and another caller is served meanwhile', async () => {
  await open();
  const sockets = await Promise.all(Array.from({ length: 10 }, () => world.admit('greedy')));
  const closed = firstClosed(sockets);
  for (const socket of sockets) sendPart(socket, LIMIT / 2);
  expect(await closed).toBe(1013);
  await until(() => refusalsOf(world.records).length > 0);
  expect(refusalsOf(world.records)[0]).toEqual(['greedy', 'DENIED', 'CONCURRENCY_LIMITED']);
  const { body } = await world.metrics.expose();
  expect(body).toMatch(/aduana_requests_refused_total\{[^}]*code="CONCURRENCY_LIMITED"[^}]*\} [1-9]/);
  const other = await world.admit('other');
  await answers(other, JSON.stringify({ type: 'ping', payload: { text: 'x'.repeat(LIMIT / 2) } }));
});

test('many callers hold no more than the room there is, and short messages go on', async () => {
  await open();
  const calm = await world.admit('calm');
  const sockets = await Promise.all(Array.from({ length: 8 }, (_, n) => world.admit(`caller-${String(n)}`)));
  const closed = firstClosed(sockets);
  for (const socket of sockets) sendPart(socket, LIMIT - 10_000);
  expect(await closed).toBe(1013);
  await until(() => refusalsOf(world.records).some(([, , code]) => code === 'OVERLOADED'));
  await answers(calm);
});

test('bodies of requests and messages of one caller share one room', async () => {
  await open();
  for (let count = 0; count < 2; count += 1) {
    const socket = await world.admit('greedy');
    sendPart(socket, 900_000);
    await hasArrived(socket);
  }
  const owner = callerKey(delegatedOf('greedy', {}).caller);
  const head = `POST /body HTTP/1.1\r\nhost: localhost\r\nowner: ${owner}\r\ncontent-length: ${String(LIMIT)}`;
  const body = await world.connectPlain(`${head}\r\n\r\n${'x'.repeat(400_000)}`);
  const [answer] = (await once(body, 'data')) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1.1 429 [^]*CONCURRENCY_LIMITED/);
});

test.each([
  ['of which nothing more comes', () => undefined],
  ['that trickles in', (socket: WebSocket) => { socket.send('x', { fin: false }); }],
] as const)('a message %s is refused in time', async (_name, trickle) => {
  const clock = await open();
  const socket = await world.admit('slow');
  const closed = closeCodeOf(socket);
  sendPart(socket, LIMIT / 2);
  await until(
    () => socket.readyState !== WebSocket.OPEN,
    async () => {
      if (socket.readyState === WebSocket.OPEN) trickle(socket);
      await clock.advance(500);
    },
  );
  expect(await closed).toBe(4408);
  await until(() => refusalsOf(world.records).length > 0);
  expect(refusalsOf(world.records)).toEqual([['slow', 'FAILED', 'REQUEST_TIMEOUT']]);
}); // prettier-ignore

test('one huge frame that is announced and trickles in is refused in time, and one over the limit at once', async () => {
  const clock = await open();
  const trickling = await world.connectPlain(upgrade('slow'));
  await once(trickling, 'data');
  trickling.write(frame(JSON.stringify({ type: 'connection_init' })));
  await once(trickling, 'data');
  trickling.write(frameHead(LIMIT - 1));
  let isClosed = false;
  trickling.once('close', () => (isClosed = true));
  await until(
    () => isClosed,
    async () => {
      if (!isClosed) trickling.write('x');
      await clock.advance(500);
    },
  );
  const announcing = await world.admit('huge');
  const closed = closeCodeOf(announcing);
  announcing.send('x'.repeat(LIMIT + 1));
  expect(await closed).toBe(1009);
  await until(() => refusalsOf(world.records).length === 2);
  expect(refusalsOf(world.records)).toEqual([
    ['slow', 'FAILED', 'REQUEST_TIMEOUT'],
    ['huge', 'FAILED', 'PAYLOAD_TOO_LARGE'],
  ]);
});

test('parts of one byte count as what they take in memory', async () => {
  await open();
  const sockets = await Promise.all(Array.from({ length: 4 }, () => world.admit('greedy')));
  const closed = firstClosed(sockets);
  for (const socket of sockets) for (let part = 0; part < 4_000; part += 1) sendPart(socket, 1);
  expect(await closed).toBe(1013);
});

test('what a message took is free again when it is handled, or when its client left', async () => {
  await open();
  const large = JSON.stringify({ type: 'ping', payload: { text: 'x'.repeat(LIMIT - 100) } });
  const socket = await world.admit('steady');
  for (let round = 0; round < 10; round += 1) await answers(socket, large);
  for (let round = 0; round < 10; round += 1) {
    const leaving = await world.admit('steady');
    sendPart(leaving, LIMIT - 10_000);
    await hasArrived(leaving);
    leaving.terminate();
  }
  await answers(socket, large);
});

test('operations that are opened keep the room of their messages', async () => {
  await open({ enter: () => new Promise(() => undefined) });
  const socket = await world.admit('greedy');
  const closed = closeCodeOf(socket);
  const payload = { query: '{ a }', variables: { text: 'x'.repeat(LIMIT - 200) } };
  for (let id = 0; id < 4; id += 1)
    socket.send(JSON.stringify({ type: 'subscribe', id: String(id), payload }));
  expect(await closed).toBe(1013);
});

test('a message that waits because nothing is read is not refused for that', async () => {
  const leave: (() => void)[] = [];
  const enter = (_caller: Caller): Promise<() => void> =>
    new Promise((_resolve, reject) => leave.push(() => { reject(new Error('over')); })); // prettier-ignore
  const clock = await open({ enter });
  const socket = await world.admit('busy');
  for (let id = 0; id < 100; id += 1)
    socket.send(JSON.stringify({ type: 'subscribe', id: String(id), payload: { query: '{ a }' } }));
  sendPart(socket, 1_000);
  await until(() => leave.length === 100);
  await clock.advance(60_000);
  expect(socket.readyState).toBe(WebSocket.OPEN);
  for (const one of leave) one();
  socket.send('x', { fin: true });
  expect(await closeCodeOf(socket)).toBe(4400);
});

test('who is refused for its subprotocol, or is being closed, has no room for a message', async () => {
  await open();
  const sockets = [await world.connectPlain(upgrade(undefined, 'another'))];
  sockets.push(await world.connectPlain(upgrade('closed')));
  await Promise.all(sockets.map((socket) => once(socket, 'data')));
  sockets[1]?.write(frame('{}')); // no message of the protocol
  for (const socket of sockets) {
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(frameHead(LIMIT - 1));
    socket.write(Buffer.alloc(200_000));
    await closed;
  }
});

test('a refused upgrade ends its connection, though its client keeps it open', async () => {
  await open();
  const text = upgrade('lasting').replace('/graphql', '/nowhere');
  const socket = await world.connectPlain(text);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1.1 404 /);
  let isReset = false;
  socket.once('error', () => (isReset = true));
  await until(
    () => isReset || socket.destroyed,
    () => socket.write('x'),
  );
});

function upgrade(name: string | undefined, protocol = 'graphql-transport-ws'): string {
  const lines = [
    'GET /graphql HTTP/1.1', 'host: localhost', 'connection: upgrade', 'upgrade: websocket',
    'sec-websocket-version: 13', 'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==', `sec-websocket-protocol: ${protocol}`,
    ...(name === undefined ? [] : [`authorization: Bearer a.${name}.c`]),
  ]; // prettier-ignore
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** Of a text frame that is masked with zeros. */
function frameHead(length: number): Buffer {
  const head = Buffer.alloc(14);
  head.writeUInt8(0x81, 0);
  head.writeUInt8(0xff, 1);
  head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}

function frame(text: string): Buffer {
  return Buffer.concat([frameHead(text.length), Buffer.from(text)]);
}
