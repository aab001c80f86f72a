import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { createFakeClock } from '../support/fake-clock.ts';
import { closeCodeOf, openWebSocketService } from '../support/websocket-service.ts';
import { until } from '../support/until.ts';

// The attacker: anybody who reaches the port, without credentials.
const WITH_CREDENTIALS = { authorization: 'Bearer a.b.c' };
let world: Awaited<ReturnType<typeof openWebSocketService>>;

beforeEach(async () => {
  world = await openWebSocketService({
    clock: createFakeClock(),
    bodyBytes: 4_194_304,
    largestBytes: 1_048_576,
  });
});
afterEach(() => world.close());

test('whoever has shown nothing has no room for a message', async () => {
  const socket = await world.connect();
  const closed = closeCodeOf(socket);
  socket.send('x'.repeat(200_000), { fin: false });
  await closed;
  await until(() => world.records.length === 1);
});

test('a client that leaves without a word leaves an event, and one with credentials is named in it', async () => {
  (await world.connect()).terminate();
  (await world.connect(WITH_CREDENTIALS)).terminate();
  await until(() => world.records.length === 2);
  expect(world.records.map(({ outcome, actor }) => [outcome, actor.sub])).toEqual([
    ['DENIED', 'anonymous'],
    ['DENIED', 'b'],
  ]);
});

test('a crowd of silent ones keeps nobody out: the oldest makes room, and none does for a token', async () => {
  const oldest = await world.connect();
  const closed = closeCodeOf(oldest);
  for (let count = 1; count < 1_000; count += 111)
    await Promise.all(Array.from({ length: 111 }, () => world.connect()));
  await expect(world.connect(WITH_CREDENTIALS)).resolves.toBeDefined();
  expect(oldest.readyState).toBe(WebSocket.OPEN);
  await expect(world.connect()).resolves.toBeDefined();
  expect(await closed).toBe(4408);
  await until(() => world.records.length === 1);
});
