import { describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { until } from '../support/until.ts';
import {
  ACTUATOR,
  BFF,
  CHANGES,
  openStreamingDeployment,
  type Result,
} from '../support/streaming-deployment.ts';

describe('what opens no stream, and what ends one at once', () => {
  const streaming = openStreamingDeployment();
  const { post } = streaming;

  test.each([
    ['text/event-stream', 'subscription { leadChanged { nothing } }', 400, 'GRAPHQL_VALIDATION_FAILED'],
    ['application/json', CHANGES, 406, 'NOT_ACCEPTABLE'],
    ['text/event-stream', 'subscription { auditNothing }', 400, 'GRAPHQL_VALIDATION_FAILED'],
  ])('%s %s is refused before the first byte', async (accept, query, status, code) => {
    const response = await post(BFF, query, accept);
    expect(response.status).toBe(status);
    expect(((await response.json()) as Result).errors?.[0]?.extensions?.code).toBe(code);
  });

  test('nobody subscribes without credentials', async () => {
    const response = await fetch(streaming.url, {
      method: 'POST',
      headers: { accept: 'text/event-stream', 'content-type': 'application/json' },
      body: JSON.stringify({ query: CHANGES }),
    });
    expect(response.status).toBe(401);
  });

  const raw = (protocol: string, ...messages: string[]): Promise<number> =>
    new Promise((resolve) => {
      const socket = new WebSocket(streaming.url.replace('http', 'ws'), protocol);
      socket.on('open', () => {
        for (const message of messages) socket.send(message);
      });
      socket.on('error', () => undefined);
      socket.on('close', resolve);
    });
  const INIT = JSON.stringify({ type: 'connection_init', payload: { Authorization: BFF } });
  const SUBSCRIBE = JSON.stringify({ type: 'subscribe', id: '1', payload: { query: CHANGES } });

  test.each<[string, number, string, string[]]>([
    ['another subprotocol', 4406, 'graphql-ws', []],
    ['no credentials', 4401, 'graphql-transport-ws', ['{"type":"connection_init"}']],
    [
      'credentials that do not hold',
      4401,
      'graphql-transport-ws',
      ['{"type":"connection_init","payload":{"Authorization":"Bearer a.b.c"}}'],
    ],
    ['a subscription before the init', 4401, 'graphql-transport-ws', [SUBSCRIBE]],
    ['two inits', 4429, 'graphql-transport-ws', [INIT, INIT]],
    ['what is no message', 4400, 'graphql-transport-ws', ['{"type":"start"}']],
    ['a long frame before the init', 1006, 'graphql-transport-ws', ['x'.repeat(200_000)]],
  ])('a WebSocket with %s is closed with %i', async (_name, code, protocol, messages) => {
    expect(await raw(protocol, ...messages)).toBe(code);
  });

  test('a frame over the limit closes a WebSocket with 1009', async () => {
    const code = await new Promise((resolve) => {
      const socket = new WebSocket(streaming.url.replace('http', 'ws'), 'graphql-transport-ws');
      socket.on('open', () => { socket.send(INIT); }); // prettier-ignore
      socket.once('message', () => { socket.send('x'.repeat(1_100_000)); }); // prettier-ignore
      socket.on('error', () => undefined);
      socket.on('close', resolve);
    });
    expect(code).toBe(1009);
  });

  test('the same id twice closes a WebSocket with 4409', async () => {
    const code = await new Promise((resolve) => {
      const socket = new WebSocket(streaming.url.replace('http', 'ws'), 'graphql-transport-ws');
      socket.on('open', () => { socket.send(INIT); }); // prettier-ignore
      socket.on('message', () => {
        socket.send(SUBSCRIBE);
        socket.send(SUBSCRIBE);
      });
      socket.on('close', resolve);
    });
    expect(code).toBe(4409);
  });

  test.each([
    ["another subject's token", 4403, () => ACTUATOR],
    ['a token that does not hold', 4401, () => 'Bearer a.b.c'],
    ['a wrong secret', 4401, () => `Basic ${Buffer.from('bff:wrong').toString('base64')}`],
  ])('a WebSocket does not go on under %s: closed with %i, and recorded', async (_name, expected, shown) => {
    const refused = async (): Promise<number> => {
      const query = `{ auditEvents(filter: { type: "request", outcome: DENIED }, last: 200) { edges { node { id } } } }`;
      const { stdout } = await streaming.deployment.aduana('query', '--as', 'auditor', query);
      return stdout.split('"id"').length - 1;
    };
    const before = await refused();
    const code = await new Promise((resolve) => {
      const socket = new WebSocket(streaming.url.replace('http', 'ws'), 'graphql-transport-ws');
      socket.on('open', () => { socket.send(INIT); }); // prettier-ignore
      socket.once('message', () => {
        socket.send(JSON.stringify({ type: 'ping', payload: { Authorization: shown() } }));
      });
      socket.on('close', resolve);
    });
    expect(code).toBe(expected);
    await until(async () => (await refused()) > before);
  });

  test('a page of another origin opens no WebSocket', async () => {
    const status = await new Promise((resolve) => {
      const socket = new WebSocket(streaming.url.replace('http', 'ws'), 'graphql-transport-ws', {
        origin: 'https://evil.example',
      });
      socket.on('unexpected-response', (_request, response) => { resolve(response.statusCode); }); // prettier-ignore
      socket.on('error', () => undefined);
    });
    expect(status).toBe(403);
  });
});
