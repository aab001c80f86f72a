import { once } from 'node:events';
import { afterEach, expect, test } from '@jest/globals';
import { openWebSocketWorld } from '../../support/websocket-world.ts';

let world: Awaited<ReturnType<typeof openWebSocketWorld>> | undefined;
afterEach(async () => world?.close());

test('an operation that comes over a connection is measured, and counts in the traffic, like any other', async () => {
  const measured: string[] = [];
  const noted: unknown[] = [];
  world = await openWebSocketWorld({
    more: {
      callers: {
        enter: () => Promise.resolve(() => undefined),
        countRates: () => Promise.resolve(new Map()),
      },
      engine: () => ({ sha256: 'policies', rateConditions: [] }),
      supergraph: () => ({ subgraphs: new Map() }),
      forward: () => ({}),
      measureOperation: (_delegated: object, { actor }: { readonly actor: { readonly sub: string } }) => {
        measured.push(actor.sub);
        return Promise.resolve({ status: 200, text: '{"data":{}}' });
      },
      traffic: { begin: () => 7, note: (...of: readonly unknown[]) => noted.push(of) },
    },
  });
  const client = await world.admit();
  const answered = once(client, 'message');
  client.send('{"type":"subscribe","id":"1","payload":{"query":"{ a }"}}');
  expect(String((await answered)[0])).toContain('"type":"next"');
  expect(measured).toEqual(['a']);
  expect(noted).toEqual([['failed', 7]]); // what was measured has noted nothing
});
