import { once } from 'node:events';
import { afterEach, expect, test } from '@jest/globals';
import type { WebSocket } from 'ws';
import { createFakeClock } from '../support/fake-clock.ts';
import { until } from '../support/until.ts';
import { closeCodeOf, openWebSocketService, refusalsOf } from '../support/websocket-service.ts';

// The attacker: a caller whose upgrades show its credentials and who says nothing over them. It wants more connections than
// one caller may have, until the gateway has no descriptor left for others.
const MOST = 3;
const INIT_MS = 10_000;
const clock = createFakeClock();
let world: Awaited<ReturnType<typeof openWebSocketService>>;

async function open() {
  world = await openWebSocketService({
    clock,
    bodyBytes: 4_194_304,
    largestBytes: 1_048_576,
    connectionsPerCaller: MOST,
  });
}
afterEach(() => world.close());

const connectAs = (name: string, protocol?: string) =>
  world.connect({ authorization: `Bearer a.${name}.c` }, protocol);
const connectAll = () => Promise.all(Array.from({ length: MOST }, () => connectAs('bff')));

/** The answer to an upgrade that is refused. */
async function answerTo(name: string, version = 13): Promise<string> {
  const socket = await world.connectPlain(
    `GET /graphql HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: ${String(version)}\r\n` +
      `sec-websocket-key: ${'A'.repeat(22)}==\r\nauthorization: Bearer a.${name}.c\r\n\r\n`,
  );
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await until(() => text.includes('\r\n\r\n'));
  return text;
}

/** What the gateway says to a client that begins. */
async function begin(socket: WebSocket, payload: object = {}): Promise<string> {
  const answered = once(socket, 'message').then(([data]) => String(data));
  const closed = closeCodeOf(socket).then(String);
  socket.send(JSON.stringify({ type: 'connection_init', payload }));
  return Promise.race([answered, closed]);
}

test('a connection counts for its caller before anything is said, and the one too many is refused in its name', async () => {
  await open();
  await connectAll();
  expect(await answerTo('bff')).toMatch(/^HTTP\/1\.1 429 [^]*retry-after: 5[^]*STREAMS_LIMITED/i);
  await expect(connectAs('other')).resolves.toBeDefined();
  expect(refusalsOf(world.records)).toEqual([['bff', 'DENIED', 'STREAMS_LIMITED']]);
});

test.each([
  ['leaves', (socket: WebSocket | undefined) => socket?.terminate()],
  ['sends nonsense', (socket: WebSocket | undefined) => socket?.send('nonsense')],
  ['says nothing for too long', () => void clock.advance(INIT_MS + 1)],
])('the place of one who %s is free again', async (_how, end) => {
  await open();
  const [first] = await connectAll();
  const closed = closeCodeOf(first as WebSocket);
  end(first);
  await closed;
  await until(() => world.records.length > 0);
  await expect(connectAs('bff')).resolves.toBeDefined();
});

test('whoever is admitted keeps the place, and has no second one', async () => {
  await open();
  const sockets = await connectAll();
  for (const socket of sockets) expect(await begin(socket)).toContain('connection_ack');
  expect(await answerTo('bff')).toContain('429');
  sockets[0]?.terminate();
  await until(async () => (await connectAs('bff').catch(() => undefined)) !== undefined);
  expect(await answerTo('bff')).toContain('429');
});

test("the credentials of a message are another caller's: its place is taken, and the other one is free", async () => {
  await open();
  const [socket] = await connectAll();
  const payload = { Authorization: 'Bearer a.user.c' };
  expect(await begin(socket as WebSocket, payload)).toContain('connection_ack');
  await expect(connectAs('bff')).resolves.toBeDefined();
  for (let count = 1; count < MOST; count += 1) await connectAs('user');
  expect(await answerTo('user')).toContain('429');
});

test('one that offers another subprotocol has its place until it is closed', async () => {
  await open();
  const sockets = await Promise.all(Array.from({ length: MOST }, () => connectAs('bff', 'graphql-ws')));
  await Promise.all(sockets.map(closeCodeOf));
  await until(async () => (await connectAs('bff').catch(() => undefined)) !== undefined);
});

test('an upgrade that comes to nothing gives its place back', async () => {
  await open();
  for (let count = 0; count < MOST; count += 1)
    expect(await answerTo('bff', 99)).toMatch(/^HTTP\/1\.1 (400|426) /);
  await until(() => world.records.length === MOST);
  await expect(connectAll()).resolves.toHaveLength(MOST);
});
