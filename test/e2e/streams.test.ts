import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client/core';
import { Defer20220824Handler } from '@apollo/client/incremental';
import { Client as UrqlClient, fetchExchange, subscriptionExchange } from '@urql/core';
import { createClient as createEventClient } from 'graphql-sse';
import { createClient as createSocketClient, type Client as SocketClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { startTestDeployment, type TestDeployment } from '../support/running-deployment.ts';
import { withFaultyEvents } from '../support/faulty-events.ts';
import { underLoad, until } from '../support/until.ts';

const SECRETS = {
  BFF_CLIENT_SECRET: 'a-secret-of-the-bff-that-is-long-enough',
  ACTUATOR_CLIENT_SECRET: 'a-secret-of-the-actuator-long-enough',
} as const;
const BFF = `Basic ${Buffer.from(`bff:${SECRETS.BFF_CLIENT_SECRET}`).toString('base64')}`;
const ACTUATOR = `Basic ${Buffer.from(`actuator:${SECRETS.ACTUATOR_CLIENT_SECRET}`).toString('base64')}`;
const CHANGES = 'subscription { leadChanged { id company campaign { name } contact { email } } }';

interface Result {
  readonly data?: Record<string, unknown> | null | undefined;
  readonly errors?:
    readonly { readonly message: string; readonly extensions?: { readonly code?: unknown } }[] | undefined;
  readonly extensions?: Record<string, unknown> | undefined;
}

describe('streams of a running deployment', () => {
  let deployment: TestDeployment;
  let folder: string;
  let subgraph: Server;
  let url: string;
  const sockets: SocketClient[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aduana-'));
    const faulty = await withFaultyEvents(folder);
    deployment = await startTestDeployment({ folder, environment: { ...SECRETS, ...faulty.environment } });
    subgraph = await faulty.serve();
    url = `http://localhost:${String(deployment.ports.GATEWAY_HTTP_PORT)}/graphql`;
  });
  afterAll(async () => {
    for (const socket of sockets) await socket.dispose();
    subgraph.closeAllConnections();
    subgraph.close();
    expect(await deployment.stop()).toBe(0);
    await rm(folder, { recursive: true, force: true });
  });

  let step = 0;
  const post = (authorization: string, query: string, accept = 'application/json') =>
    fetch(url, {
      method: 'POST',
      headers: { authorization, accept, 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    });
  const advance = async (lead: string): Promise<void> => {
    step += 1;
    const to = step % 2 === 0 ? 'NEW' : 'CONTACTED';
    const response = await post(
      ACTUATOR,
      `mutation { advanceLead(id: "${lead}", to: ${to}, idempotencyKey: "step-${String(step)}-key") { id } }`,
    );
    expect(await response.json()).toEqual({ data: { advanceLead: { id: lead } } });
  };
  /** Changes leads until somebody has heard of one: a subscription has no sign of its beginning. */
  const untilHeard = (heard: readonly unknown[], lead: string): Promise<void> =>
    until(
      () => heard.length > 0,
      () => advance(lead),
    );

  const openSocket = (authorization: string, onClose?: (code: number) => void): SocketClient => {
    const client = createSocketClient({
      url: url.replace('http', 'ws'),
      webSocketImpl: WebSocket,
      connectionParams: { Authorization: authorization },
      retryAttempts: 0,
      on: { closed: (event) => onClose?.((event as { code: number }).code) },
    });
    sockets.push(client);
    return client;
  };

  const CHANGED = (lead: string) => ({
    leadChanged: {
      id: lead,
      company: expect.any(String),
      campaign: { name: expect.any(String) },
      contact: null,
    },
  });

  test('graphql-sse gets each change, without what the caller may not see', async () => {
    const heard: Result[] = [];
    const client = createEventClient({ url, headers: { authorization: BFF } });
    const stop = client.subscribe(
      { query: CHANGES },
      { next: (value) => heard.push(value as Result), error: () => undefined, complete: () => undefined },
    );
    await untilHeard(heard, 'lead-1');
    stop();
    expect(heard[0]?.data).toEqual(CHANGED('lead-1'));
    expect(heard[0]?.errors).toMatchObject([{ extensions: { code: 'UNAUTHORIZED_FIELD_OR_TYPE' } }]);
  });

  test('graphql-ws gets each change, and queries and mutations as well', async () => {
    const client = openSocket(BFF);
    const heard: Result[] = [];
    const stop = client.subscribe(
      { query: CHANGES },
      { next: (value) => heard.push(value as Result), error: () => undefined, complete: () => undefined },
    );
    await untilHeard(heard, 'lead-2');
    stop();
    expect(heard[0]).toMatchObject({ data: CHANGED('lead-2'), extensions: { auditId: expect.any(String) } });
    const answered: Result[] = [];
    await new Promise<void>((resolve) => {
      client.subscribe(
        { query: '{ leads(first: 1) { company } }' },
        { next: (value) => answered.push(value as Result), error: () => { resolve(); }, complete: resolve },
      ); // prettier-ignore
    });
    expect(answered).toMatchObject([{ data: { leads: [{ company: expect.any(String) }] } }]);
  });

  test('Apollo Client gets each change over a multipart subscription', async () => {
    const client = new ApolloClient({
      cache: new InMemoryCache(),
      link: new HttpLink({ uri: url, headers: { authorization: BFF } }),
    });
    const heard: unknown[] = [];
    const subscription = client
      .subscribe({ query: gql('subscription { leadChanged { id company } }') })
      .subscribe((result) => heard.push(result.data));
    await untilHeard(heard, 'lead-3');
    subscription.unsubscribe();
    expect(heard[0]).toMatchObject({ leadChanged: { id: 'lead-3' } });
  });

  test.each(['its own exchange', 'graphql-sse'])('urql gets each change through %s', async (way) => {
    const headers = { authorization: BFF };
    const events = createEventClient({ url, headers });
    const throughEvents = subscriptionExchange({
      forwardSubscription: ({ query = '', variables }) => ({
        subscribe: (sink) => ({
          unsubscribe: events.subscribe(
            { query, variables: variables as Record<string, unknown> },
            sink as never,
          ),
        }),
      }),
    });
    const own = way === 'its own exchange';
    const client = new UrqlClient({
      url,
      preferGetMethod: false,
      fetchSubscriptions: own,
      fetchOptions: { headers },
      exchanges: own ? [fetchExchange] : [throughEvents, fetchExchange],
    });
    const heard: { readonly data?: unknown; readonly error?: unknown }[] = [];
    const { unsubscribe } = client
      .subscription('subscription { leadChanged { id company contact { email } } }', {})
      .subscribe((result) => heard.push(result));
    await untilHeard(heard, 'lead-5');
    unsubscribe();
    events.dispose();
    expect(heard[0]?.data).toMatchObject({ leadChanged: { id: 'lead-5', contact: null } });
    expect(heard[0]?.error).toMatchObject({
      graphQLErrors: [{ extensions: { code: 'UNAUTHORIZED_FIELD_OR_TYPE' } }],
    });
    expect((await client.query('{ leads(first: 1) { id } }', {})).data).toMatchObject({
      leads: [{ id: expect.any(String) }],
    });
  });

  const LATER = '{ leads(first: 1) { id ... @defer(label: "late") { company contact { email } } } }';

  test('Apollo Client gets an answer with @defer in parts, without what the caller may not see', async () => {
    const client = new ApolloClient({
      cache: new InMemoryCache(),
      link: new HttpLink({ uri: url, headers: { authorization: BFF } }),
      incrementalHandler: new Defer20220824Handler(),
    });
    const heard: { readonly data: unknown; readonly dataState: string; readonly error?: unknown }[] = [];
    const query = client.watchQuery({ query: gql(LATER), errorPolicy: 'all' });
    const subscription = query.subscribe((result) => heard.push(result));
    await until(() => heard.some(({ dataState }) => dataState === 'complete'));
    subscription.unsubscribe();
    const [first, last] = [heard.find(({ dataState }) => dataState === 'streaming'), heard.at(-1)];
    expect(first?.data).toEqual({ leads: [{ __typename: 'Lead', id: expect.any(String) }] });
    expect(last?.data).toMatchObject({ leads: [{ company: expect.any(String), contact: null }] });
    expect(last?.error).toMatchObject({
      errors: [{ extensions: { code: 'UNAUTHORIZED_FIELD_OR_TYPE' } }],
    });
  });

  test('the parts of an answer are recorded before the first of them, and who takes no parts gets one', async () => {
    const parts = await post(BFF, LATER, 'multipart/mixed;deferSpec=20220824, application/json');
    expect(parts.headers.get('content-type')).toBe('multipart/mixed;boundary="graphql";deferSpec=20220824');
    expect(parts.headers.get('audit-id')).toMatch(/^[0-9a-f-]{36}$/);
    const bodies = (await parts.text())
      .split('\r\n--graphql')
      .map((part) => part.split('\r\n\r\n')[1])
      .filter((part) => part !== undefined && part !== '');
    expect(bodies.map((body) => JSON.parse(body ?? '') as unknown)).toEqual([
      { data: { leads: [{ id: expect.any(String) }] }, hasNext: true },
      {
        incremental: [
          {
            data: { company: expect.any(String), contact: null },
            path: ['leads', 0],
            label: 'late',
            errors: [expect.objectContaining({ path: ['leads', '@', 'contact'] })],
          },
        ],
        hasNext: false,
      },
    ]);
    const only = await post(BFF, '{ leads(first: 1) { id } }', 'multipart/mixed;deferSpec=20220824');
    expect(await only.text()).toMatch(/"hasNext":false}\r\n--graphql--\r\n$/);
    const whole = await post(BFF, LATER);
    expect(await whole.json()).toMatchObject({
      data: { leads: [{ company: expect.any(String), contact: null }] },
    });
  });

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
    const response = await fetch(url, {
      method: 'POST',
      headers: { accept: 'text/event-stream', 'content-type': 'application/json' },
      body: JSON.stringify({ query: CHANGES }),
    });
    expect(response.status).toBe(401);
  });

  const raw = (protocol: string, ...messages: string[]): Promise<number> =>
    new Promise((resolve) => {
      const socket = new WebSocket(url.replace('http', 'ws'), protocol);
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
      const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws');
      socket.on('open', () => { socket.send(INIT); }); // prettier-ignore
      socket.once('message', () => { socket.send('x'.repeat(1_100_000)); }); // prettier-ignore
      socket.on('error', () => undefined);
      socket.on('close', resolve);
    });
    expect(code).toBe(1009);
  });

  test('the same id twice closes a WebSocket with 4409', async () => {
    const code = await new Promise((resolve) => {
      const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws');
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
      const { stdout } = await deployment.aduana('query', '--as', 'auditor', query);
      return stdout.split('"id"').length - 1;
    };
    const before = await refused();
    const code = await new Promise((resolve) => {
      const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws');
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
      const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws', {
        origin: 'https://evil.example',
      });
      socket.on('unexpected-response', (_request, response) => { resolve(response.statusCode); }); // prettier-ignore
      socket.on('error', () => undefined);
    });
    expect(status).toBe(403);
  });

  test.each([
    ['dies', 'SUBGRAPH_UNAVAILABLE'],
    ['sends garbage', 'SUBGRAPH_ERROR'],
    ['sends what is no result', 'SUBGRAPH_ERROR'],
    ['ends without complete', 'SUBGRAPH_UNAVAILABLE'],
  ])('a subgraph that %s ends the stream with %s, after what came before', async (how, code) => {
    const response = await post(BFF, `subscription { faulty(how: "${how}") }`, 'text/event-stream');
    const events = (await response.text()).split('\n\n').filter((event) => event.startsWith('event'));
    expect(events.map((event) => event.split('\ndata: ')[0])).toEqual([
      'event: next',
      'event: next',
      'event: complete',
    ]);
    expect(events[0]).toContain('{"data":{"faulty":"first"}}');
    expect(events[1]).toContain(`"code":"${code}"`);
  });

  test('a client that stops reading loses its stream, with its reason in the log', async () => {
    const body = JSON.stringify({ query: 'subscription { faulty(how: "floods") }' });
    const socket = connect(deployment.ports.GATEWAY_HTTP_PORT, 'localhost');
    socket.write(
      `POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: ${BFF}\r\naccept: text/event-stream\r\n` +
        `content-type: application/json\r\ncontent-length: ${String(Buffer.byteLength(body))}\r\n\r\n${body}`,
    );
    socket.on('error', () => undefined);
    socket.pause();
    const document =
      '{ auditEvents(filter: { type: "stream.close" }, first: 200) { edges { node { canonical } } } }';
    await until(async () => (await deployment.aduana('query', '--as', 'auditor', document)).stdout.includes('slow_client')); // prettier-ignore
    socket.destroy();
    expect((await post(BFF, '{ leads(first: 1) { id } }')).status).toBe(200);
  });

  test('a service that is suspended loses its streams within two seconds', async () => {
    const closed: { code: number; at: number }[] = [];
    openSocket(BFF, (code) => closed.push({ code, at: performance.now() })).subscribe(
      { query: CHANGES },
      { next: () => undefined, error: () => undefined, complete: () => undefined },
    );
    const response = await post(BFF, CHANGES, 'text/event-stream');
    const ended = response.text().then((text) => ({ text, at: performance.now() }));
    const { code } = await deployment.aduana('services', 'suspend', 'bff', '--reason', 'a test');
    const since = performance.now();
    expect(code).toBe(0);
    const { text, at } = await ended;
    expect(text).toContain('event: next\ndata: {"errors":[{"message":"Valid credentials are required"');
    expect(text.trimEnd()).toMatch(/event: complete\ndata:$/);
    expect(at - since).toBeLessThan(underLoad(2_000));
    await until(() => closed.length > 0);
    expect(closed[0]?.code).toBe(4401);
  });

  test('each stream is in the audit log from its opening to its end', async () => {
    const document = (type: string) =>
      `{ auditEvents(filter: { type: "${type}" }, first: 50) { edges { node { id outcome } } } }`;
    const outcomesOf = async (type: string): Promise<string> =>
      (await deployment.aduana('query', '--as', 'auditor', document(type))).stdout;
    expect(await outcomesOf('stream.open')).toContain('PARTIAL');
    expect(await outcomesOf('stream.messages')).toContain('PARTIAL');
    expect(await outcomesOf('stream.close')).toContain('DENIED');
  });
});
