import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import type { WebSocket } from 'ws';
import { openWebSocketWorld } from '../support/websocket-world.ts';
import { until } from '../support/until.ts';

// The attacker: the least caller, with connections over which it sends messages that have no end, or many large ones.
const MEBIBYTE = 1_048_576;
let world: Awaited<ReturnType<typeof openWebSocketWorld>> | undefined;
afterEach(async () => world?.close());

const MASK = Buffer.alloc(4);
const FIRST = Buffer.concat([Buffer.from([0x01, 0x81]), MASK, Buffer.from('{')]);
const NEXT = Buffer.concat([Buffer.from([0x00, 0x81]), MASK, Buffer.from(' ')]);
const PONG = Buffer.concat([Buffer.from([0x8a, 0xfd]), MASK, Buffer.alloc(125)]);
/** Nothing but one byte of it is of the message. */
const CHUNK = Buffer.concat([NEXT, ...Array.from({ length: 480 }, () => PONG)]);

function rawOf(client: WebSocket): Socket {
  return (client as unknown as { readonly _socket: Socket })._socket;
}

async function write(socket: Socket, bytes: Buffer): Promise<void> {
  if (!socket.write(bytes)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
}

test('a message of one byte here and there does not keep what was sent beside it', async () => {
  world = await openWebSocketWorld();
  const client = await world.admit();
  client.on('error', () => undefined);
  const raw = rawOf(client);
  await write(raw, FIRST);
  let sent = 0;
  while (raw.writable && sent < 64 * MEBIBYTE) {
    await write(raw, CHUNK);
    sent += CHUNK.length;
    await new Promise(setImmediate);
  }
  expect(sent).toBeLessThan(16 * MEBIBYTE);
});

test('half-sent messages of one caller find no more room than its bodies do', async () => {
  const { admit } = (world = await openWebSocketWorld());
  const half = 'x'.repeat(MEBIBYTE - 1_000);
  const clients = await Promise.all(Array.from({ length: 60 }, admit));
  for (const client of clients) client.on('error', () => undefined).send(half, { fin: false });
  await until(() => clients.filter(({ readyState }) => readyState === 3).length >= 20);
  const left = clients.filter(({ readyState }) => readyState === 1);
  expect(left.length).toBeLessThanOrEqual(35);
  expect(left.length).toBeGreaterThan(20);
});

test('a message that does not come to its end ends its connection, and frees its room', async () => {
  world = await openWebSocketWorld();
  const client = await world.admit();
  const closed = once(client, 'close');
  client.on('error', () => undefined).send('x'.repeat(MEBIBYTE / 2), { fin: false });
  const [server] = world.sockets;
  await until(() => ((server as Socket | undefined)?.bytesRead ?? 0) > MEBIBYTE / 2);
  await world.clock.advance(21_000);
  world.tick();
  await closed;
});

test('large messages that wait for their turn find no more room than the caller has', async () => {
  let waiting = 0;
  const enter = () => {
    waiting += 1;
    return new Promise(() => undefined);
  };
  world = await openWebSocketWorld({ more: { callers: { enter } } });
  const client = await world.admit();
  const closed = once(
    client.on('error', () => undefined),
    'close',
  );
  const large = 'x'.repeat(MEBIBYTE - 1_000);
  for (let id = 0; id < 40; id += 1)
    client.send(JSON.stringify({ type: 'subscribe', id: String(id), payload: { query: large } }));
  await closed;
  expect(waiting).toBeGreaterThan(20);
  expect(waiting).toBeLessThanOrEqual(33);
});

test('a client that takes nothing of what it asked for loses its connection, whatever it says', async () => {
  world = await openWebSocketWorld();
  const client = await world.admit();
  client.on('error', () => undefined);
  const [server] = world.sockets as Socket[];
  rawOf(client).pause();
  const ping = JSON.stringify({ type: 'ping' });
  for (let round = 0; round < 2_000 && server?.writableLength === 0; round += 1) {
    for (let count = 0; count < 2_000; count += 1) client.send(ping);
    await new Promise(setImmediate);
  }
  expect(server?.writableLength).toBeGreaterThan(0);
  for (let second = 0; second < 40 && server?.destroyed === false; second += 1) {
    client.send(ping);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await world.clock.advance(1_000);
    world.tick();
  }
  expect(server?.destroyed).toBe(true);
});
