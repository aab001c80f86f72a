import { once } from 'node:events';
import { afterEach, expect, test } from '@jest/globals';
import { openWebSocketWorld } from '../support/websocket-world.ts';
import { delegatedOf } from '../support/stream-world.ts';
import { until } from '../support/until.ts';

let world: Awaited<ReturnType<typeof openWebSocketWorld>> | undefined;
afterEach(async () => world?.close());

// The attacker: a client of a shared caller, such as a BFF, whose connections break while the STS is asked.
test('whoever leaves while it is being admitted takes no place with it', async () => {
  let admit: () => void = () => undefined;
  const asked: unknown[] = [];
  const exchange = () => {
    asked.push(1);
    return new Promise((resolve) => {
      admit = () => {
        resolve(delegatedOf('a', {}));
      };
    });
  };
  world = await openWebSocketWorld({ perCaller: 1, more: { exchange } });
  for (let round = 1; round <= 3; round += 1) {
    const client = await world.connect();
    client.send('{"type":"connection_init","payload":{"Authorization":"Bearer a.b.c"}}');
    await until(() => asked.length === round);
    const closed = once(world.sockets.at(-1) as NonNullable<(typeof world.sockets)[0]>, 'close');
    client.terminate();
    await closed;
    admit();
    await until(() => world?.records.length === round);
  }
  const client = await world.connect();
  const answered = once(client, 'message');
  client.send('{"type":"connection_init","payload":{"Authorization":"Bearer a.b.c"}}');
  await until(() => asked.length === 4);
  const refused = once(client, 'close').then(([code]) => [`closed ${String(code)}`]);
  admit();
  expect(String((await Promise.race([answered, refused]))[0])).toContain('connection_ack');
});
