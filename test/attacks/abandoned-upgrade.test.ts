import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { expect, test } from '@jest/globals';
import { delegatedOf } from '../support/stream-world.ts';
import { until } from '../support/until.ts';
import { openWebSocketWorld } from '../support/websocket-world.ts';

// The attacker: a client that leaves while its credential is exchanged. Its upgrade never ended, and was not recorded.
test('an upgrade whose client leaves during the exchange ends, and is recorded', async () => {
  let exchange: (() => void) | undefined;
  const world = await openWebSocketWorld({
    more: {
      exchange: () =>
        new Promise((resolve) => {
          exchange = () => {
            resolve(delegatedOf('caller', {}));
          };
        }),
    },
  });
  try {
    const refused = world.connect({ authorization: 'Bearer a.b.c' }).catch(() => 'refused');
    await until(() => exchange !== undefined);
    const socket = world.sockets[0] as Duplex;
    const closed = once(socket, 'close');
    socket.destroy();
    await closed;
    exchange?.();
    await until(() => world.records.length > 0);
    expect(world.records).toMatchObject([{ outcome: 'FAILED' }]);
    expect(await refused).toBe('refused');
  } finally {
    await world.close();
  }
});
