import { afterAll, describe, expect, test } from '@jest/globals';
import { connect } from 'node:net';
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client/core';
import { Defer20220824Handler } from '@apollo/client/incremental';
import { Client as UrqlClient, fetchExchange, subscriptionExchange } from '@urql/core';
import { createClient as createEventClient } from 'graphql-sse';
import { createClient as createSocketClient, type Client as SocketClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { underLoad, until } from '../support/until.ts';
import { BFF, CHANGES, openStreamingDeployment, type Result } from '../support/streaming-deployment.ts';

describe('streams of a running deployment', () => {
  const sockets: SocketClient[] = [];
  afterAll(async () => {
    for (const socket of sockets) await socket.dispose();
  });
  const streaming = openStreamingDeployment();
  const { advance, post } = streaming;

  /** Changes leads until somebody has heard of one: a subscription has no sign of its beginning. */
  const untilHeard = (heard: readonly unknown[], lead: string): Promise<void> =>
    until(
      () => heard.length > 0,
      () => advance(lead),
    );

  const openSocket = (authorization: string, onClose?: (code: number) => void): SocketClient => {
    const client = createSocketClient({
      url: streaming.url.replace('http', 'ws'),
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
    const client = createEventClient({ url: streaming.url, headers: { authorization: BFF } });
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
      link: new HttpLink({ uri: streaming.url, headers: { authorization: BFF } }),
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
    const events = createEventClient({ url: streaming.url, headers });
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
      url: streaming.url,
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
      link: new HttpLink({ uri: streaming.url, headers: { authorization: BFF } }),
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
    const socket = connect(streaming.deployment.ports.GATEWAY_HTTP_PORT, 'localhost');
    socket.write(
      `POST /graphql HTTP/1.1\r\nhost: localhost\r\nauthorization: ${BFF}\r\naccept: text/event-stream\r\n` +
        `content-type: application/json\r\ncontent-length: ${String(Buffer.byteLength(body))}\r\n\r\n${body}`,
    );
    socket.on('error', () => undefined);
    socket.pause();
    const document =
      '{ auditEvents(filter: { type: "stream.close" }, first: 200) { edges { node { canonical } } } }';
    await until(async () => (await streaming.deployment.aduana('query', '--as', 'auditor', document)).stdout.includes('slow_client')); // prettier-ignore
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
    const { code } = await streaming.deployment.aduana('services', 'suspend', 'bff', '--reason', 'a test');
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
      (await streaming.deployment.aduana('query', '--as', 'auditor', document(type))).stdout;
    expect(await outcomesOf('stream.open')).toContain('PARTIAL');
    expect(await outcomesOf('stream.messages')).toContain('PARTIAL');
    expect(await outcomesOf('stream.close')).toContain('DENIED');
  });
});
