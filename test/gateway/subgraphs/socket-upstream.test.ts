import { buildSchema, type GraphQLSchema } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { listenTo, openSocketSubgraph, untilOver } from '../../support/socket-subgraph.ts';
import { until } from '../../support/until.ts';

const state = { left: 0 };

/** Counts up; ends below `below`, or fails at a negative number. */
async function* count({ below }: { below: number }) {
  try {
    for (let number = 0; number < Math.abs(below); number += 1)
      yield await Promise.resolve({ changed: { number, secret: null } });
    if (below < 0) throw new Error('the database is away');
  } finally {
    state.left += 1;
  }
}

function schemaOfChanges(): GraphQLSchema {
  const schema = buildSchema(`
    type Query { none: Int }
    type Subscription { changed(below: Int!): Change }
    type Change { number: Int secret: String }`);
  const field = schema.getSubscriptionType()?.getFields()['changed'];
  if (field !== undefined) field.subscribe = (_: unknown, args: { below: number }) => count(args);
  return schema;
}

describe('a subgraph whose subscriptions graphql-ws serves', () => {
  let subgraph: Awaited<ReturnType<typeof openSocketSubgraph>>;

  beforeAll(async () => {
    subgraph = await openSocketSubgraph({ headers: { request: new Map([['x-tenant', 'x-tenant']]), set: new Map([['x-user', { claim: 'sub' }]]), response: new Map() } }); // prettier-ignore
    useServer({ schema: schemaOfChanges() }, subgraph.sockets);
  });
  beforeEach(() => {
    subgraph.onUpgrade((...upgrade) => {
      subgraph.accept(...upgrade);
    });
  });
  afterAll(() => subgraph.close());

  test('each event comes in order, and then the end', async () => {
    const heard = listenTo(await subgraph.open());
    expect(await untilOver(heard)).toBe('complete');
    expect(heard.results).toEqual(
      [0, 1, 2].map((number) => ({ data: { changed: { number, secret: null } } })),
    );
    expect(heard.bytes).toBeGreaterThan(100);
  });

  test('the upgrade carries the narrowed token, the trace, the forwarded headers and our certificate', async () => {
    const heard = listenTo(await subgraph.open(undefined, undefined, { 'x-tenant': 'north', cookie: 'no' }));
    await untilOver(heard);
    const upgrade = subgraph.upgrades.at(-1);
    expect(upgrade?.url).toBe('/live?v=1');
    expect(upgrade?.headers).toMatchObject({
      authorization: 'Bearer token',
      traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
      'x-tenant': 'north',
      'x-user': 'lucia',
    });
    expect(upgrade?.headers.cookie).toBeUndefined();
    expect(upgrade?.peer).toContain('spiffe://aduana.local/gateway');
  });

  test('who leaves ends the stream at the subgraph', async () => {
    const before = state.left;
    const upstream = await subgraph.open('{"query":"subscription { changed(below: 1000000) { number } }"}');
    const heard = listenTo(upstream);
    await until(() => heard.results.length > 0);
    upstream.close();
    const { length } = heard.results;
    await until(() => state.left > before);
    expect(heard.results).toHaveLength(length);
    expect(heard.end).toBeUndefined();
  });

  test('an operation that the subgraph refuses ends with SUBGRAPH_ERROR, and its reason is for the log', async () => {
    const heard = listenTo(await subgraph.open('{"query":"subscription { nothing }"}'));
    expect(await untilOver(heard)).toEqual({
      code: 'SUBGRAPH_ERROR',
      detail: expect.stringContaining('Cannot query field'),
    });
  });

  test('a stream that fails at the subgraph ends with SUBGRAPH_UNAVAILABLE, after what came before', async () => {
    const heard = listenTo(await subgraph.open('{"query":"subscription { changed(below: -2) { number } }"}'));
    expect(await untilOver(heard)).toMatchObject({ code: expect.stringMatching(/^SUBGRAPH_/) });
    expect(heard.results).toHaveLength(2);
  });

  test.each([
    ['the status 401', (socket: { end(text: string): void }) => { socket.end('HTTP/1.1 401 No\r\n\r\n'); }], // prettier-ignore
    ['the close code 4401', undefined],
  ])('%s is tried once more with a fresh token', async (_, refuse) => {
    const before = subgraph.forwarding.renewals();
    let refused = false;
    subgraph.onUpgrade((request, socket, head) => {
      if (refused) subgraph.accept(request, socket, head);
      else if (refuse !== undefined) refuse(socket);
      else subgraph.sockets.handleUpgrade(request, socket, head, (webSocket) => { webSocket.close(4401); }); // prettier-ignore
      refused = true;
    });
    expect(await untilOver(listenTo(await subgraph.open()))).toBe('complete');
    expect(subgraph.forwarding.renewals()).toBe(before + 1);
    expect(subgraph.upgrades.at(-1)?.headers.authorization).toBe(`Bearer token-${String(before + 1)}`);
  });
});

test('a paused stream is read no further, and goes on without a gap', async () => {
  const subgraph = await openSocketSubgraph();
  const messages = 400;
  const text = 'x'.repeat(100_000);
  let sent: { readonly bufferedAmount: number } | undefined;
  subgraph.onUpgrade((request, raw, head) => {
    subgraph.sockets.handleUpgrade(request, raw, head, (webSocket) => {
      webSocket.on('message', (data: Buffer) => {
        const { type } = JSON.parse(data.toString()) as { type: string };
        if (type === 'connection_init') webSocket.send('{"type":"connection_ack"}');
        if (type !== 'subscribe') return;
        for (let number = 0; number < messages; number += 1)
          webSocket.send(JSON.stringify({ id: '1', type: 'next', payload: { data: { number, text } } }));
        webSocket.send('{"id":"1","type":"complete"}');
        sent = webSocket;
      });
    });
  });
  const upstream = await subgraph.open();
  const heard = listenTo(upstream);
  await until(() => heard.results.length > 0);
  upstream.pause();
  await until(() => sent !== undefined && sent.bufferedAmount > 1_000_000);
  const { length } = heard.results;
  expect(length).toBeLessThan(messages / 2);
  upstream.resume();
  expect(await untilOver(heard)).toBe('complete');
  expect(heard.results).toMatchObject(
    Array.from({ length: messages }, (_, number) => ({ data: { number } })),
  );
  await subgraph.close();
});
