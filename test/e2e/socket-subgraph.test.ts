import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { type Log, openSubgraph, type ProtectedSubgraph } from '@aduana/subgraph';
import { admitWebSockets } from '@aduana/subgraph/graphql-ws';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import { addSubgraph } from '../support/added-subgraph.ts';
import { startTestDeployment, type TestDeployment } from '../support/running-deployment.ts';
import { underLoad, until } from '../support/until.ts';

const BFF_CLIENT_SECRET = 'a-secret-of-the-bff-that-is-long-enough';
const BFF = `Basic ${Buffer.from(`bff:${BFF_CLIENT_SECRET}`).toString('base64')}`;
const SDL = `extend schema
  @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@requiresScopes"])
type Query { beats: Int }
type Subscription {
  beat(times: Int!, thenWait: Boolean! = false): Beat @requiresScopes(scopes: [["leads:read"]])
}
type Beat {
  number: Int!
  email: String @requiresScopes(scopes: [["leads:pii:read"]])
  lead: Lead
}
type Lead @key(fields: "id", resolvable: false) { id: ID! }
`;
const SILENT: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => SILENT,
};
const waiting = { streams: 0 };

async function* beat(_: unknown, { times, thenWait }: { times: number; thenWait: boolean }) {
  for (let number = 0; number < times; number += 1)
    yield await Promise.resolve({ number, email: 'secret@a.example', lead: { id: 'lead-1' } });
  if (!thenWait) return;
  waiting.streams += 1;
  await new Promise(() => undefined);
}

/** The subgraph as the guide "Live data" has it. */
async function serve(
  subgraph: ProtectedSubgraph,
  port: number,
): Promise<{ server: Server; sockets: WebSocketServer }> {
  const resolvers = { Subscription: { beat: { subscribe: beat, resolve: (event: unknown) => event } } };
  const schema = subgraph.guard(buildSubgraphSchema({ typeDefs: parse(SDL), resolvers }), SDL);
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 1_048_576 });
  useServer({ schema, context: ({ extra }) => subgraph.context(extra.request) }, sockets);
  const server = createServer(subgraph.tls).on('upgrade', admitWebSockets(subgraph, sockets));
  subgraph.attach(server);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { server, sockets };
}

describe('a subgraph that streams over WebSocket, behind a running deployment', () => {
  let folder: string;
  let deployment: TestDeployment;
  let subgraph: ProtectedSubgraph;
  let served: Awaited<ReturnType<typeof serve>>;
  let url: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aduana-sockets-'));
    const settings = ', subscriptions: { protocol: graphql_ws, path: /live }';
    const { environment, port } = await addSubgraph(folder, { name: 'beats', sdl: SDL, settings });
    deployment = await startTestDeployment({ folder, environment: { ...environment, BFF_CLIENT_SECRET } });
    url = `http://localhost:${String(deployment.ports.GATEWAY_HTTP_PORT)}/graphql`;
    subgraph = await openSubgraph({
      service: 'leads',
      certsDir: join(folder, 'certs'),
      stsUrl: `https://localhost:${String(deployment.ports.STS_PORT)}/sts/token`,
      trustDomain: 'aduana.local',
      log: SILENT,
    });
    served = await serve(subgraph, port);
    await until(() => subgraph.isReady());
  });
  afterAll(async () => {
    breakOff();
    served.server.close();
    await subgraph.close();
    await deployment.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const breakOff = (): void => {
    for (const socket of served.sockets.clients) socket.terminate();
  };
  const subscribe = (times: number, thenWait = false) =>
    fetch(url, {
      method: 'POST',
      headers: { authorization: BFF, accept: 'text/event-stream', 'content-type': 'application/json' },
      body: JSON.stringify({
        query: `subscription { beat(times: ${String(times)}, thenWait: ${String(thenWait)}) { number email lead { company } } }`,
      }),
    });
  const resultsOf = (text: string) =>
    text
      .split('\n\n')
      .filter((event) => event.startsWith('event: next'))
      .map((event) => JSON.parse(event.split('\ndata: ')[1] ?? '') as { data?: unknown; errors?: unknown });

  test('each event has the fields of other subgraphs, and none that the caller may not see', async () => {
    const response = await subscribe(3);
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(resultsOf(text)).toEqual(
      [0, 1, 2].map((number) => ({
        data: { beat: { number, email: null, lead: { company: 'Transportes Ebro' } } },
        errors: [
          expect.objectContaining({
            path: ['beat', 'email'],
            extensions: expect.objectContaining({ code: 'UNAUTHORIZED_FIELD_OR_TYPE' }),
          }),
        ],
      })),
    );
    expect(text.trimEnd()).toMatch(/event: complete\ndata:$/);
  });

  test('a subgraph that breaks its connections off ends the stream with SUBGRAPH_UNAVAILABLE', async () => {
    const text = (await subscribe(1, true)).text();
    await until(() => waiting.streams === 1);
    breakOff();
    expect(JSON.stringify(resultsOf(await text).at(-1))).toContain('SUBGRAPH_UNAVAILABLE');
  });

  test('who loses the right loses the stream within two seconds', async () => {
    const ended = (await subscribe(1, true)).text().then((text) => ({ text, at: performance.now() }));
    const { code } = await deployment.aduana('services', 'suspend', 'bff', '--reason', 'a test');
    const since = performance.now();
    expect(code).toBe(0);
    const { text, at } = await ended;
    expect(at - since).toBeLessThan(underLoad(2_000));
    expect(JSON.stringify(resultsOf(text).at(-1))).toContain('UNAUTHENTICATED');
  });
});
