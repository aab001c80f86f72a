import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Code } from '@aduana/core/errors/error-codes';
import type { Upstream } from '../../gateway/subgraphs/upstream.ts';
import { type Forwarding, type ForwardingBounds, openForwarding } from './forwarding.ts';
import { delegatedOf } from './stream-world.ts';
import { until } from './until.ts';

export const CHANGES = '{"query":"subscription { changed(below: 3) { number secret } }"}';

/** What was asked for, by whom. */
interface Upgraded extends Pick<IncomingMessage, 'url' | 'headers'> {
  /** The names in the client's certificate. */
  readonly peer: string | undefined;
}

/** What came of an upstream, in its order. */
export interface Heard {
  readonly results: unknown[];
  bytes: number;
  end: 'complete' | { readonly code: Code; readonly detail: string } | undefined;
  close(): void;
}

export function listenTo(upstream: Upstream): Heard {
  const heard: Heard = {
    results: [],
    bytes: 0,
    end: undefined,
    close: () => {
      upstream.close();
    },
  };
  upstream.start({
    onResult(result, bytes) {
      heard.results.push(result);
      heard.bytes += bytes;
    },
    onComplete: () => (heard.end = 'complete'),
    onFailure: (code, detail) => (heard.end = { code, detail }),
  });
  return heard;
}

export async function untilOver(heard: Heard): Promise<Heard['end']> {
  await until(() => heard.end !== undefined);
  return heard.end;
}

/** The gateway's way to a subgraph that streams over WebSocket, both over mTLS. */
export async function openSocketSubgraph(
  settings: Parameters<typeof openForwarding>[0][string] = {},
  bounds: ForwardingBounds = {},
) {
  const subscriptions = { protocol: 'graphql_ws', path: '/live?v=1' } as const;
  const live = { subscriptions, timeoutMs: 60_000, ...settings };
  const forwarding = await openForwarding({ live }, bounds);
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    handleProtocols: () => 'graphql-transport-ws',
  });
  const upgrades: Upgraded[] = [];
  const place = {
    forwarding,
    sockets,
    upgrades,
    open: (
      body: string = CHANGES,
      signal: AbortSignal = new AbortController().signal,
      client: Readonly<Record<string, string>> = {},
    ): Promise<Upstream> =>
      forwarding.forward(forwarding.subgraphs, client).openUpstream({
        subgraph: 'live',
        body,
        caller: delegatedOf('lucia', {}).caller,
        narrowing: { audience: 'leads', scopes: [], policies: [], join: [] },
        trace: { traceId: '1'.repeat(32), spanId: '2'.repeat(16), sampled: true },
        signal,
      }),
    /** Takes a connection over, as the subgraph's own server would. */
    accept(request: IncomingMessage, socket: Duplex, head: Buffer) {
      const peer = (request.socket as TLSSocket).getPeerCertificate().subjectaltname;
      upgrades.push({ url: request.url, headers: request.headers, peer });
      sockets.handleUpgrade(request, socket, head, (webSocket) => {
        sockets.emit('connection', webSocket, request);
      });
    },
    onUpgrade(upgrade: Forwarding['served'][string]['upgrade']) {
      const served = forwarding.served['live'];
      if (served !== undefined) served.upgrade = upgrade;
    },
    /** A server that acknowledges, and after `subscribe` does as it is told. */
    async hostile(act: (webSocket: WebSocket, raw: Duplex) => void) {
      place.onUpgrade((request, raw, head) => {
        sockets.handleUpgrade(request, raw, head, (webSocket) => {
          webSocket.on('error', () => undefined);
          webSocket.on('message', (data: Buffer) => {
            const { type } = JSON.parse(data.toString()) as { type: string };
            if (type === 'connection_init') webSocket.send('{"type":"connection_ack"}');
            if (type === 'subscribe') act(webSocket, raw);
          });
        });
      });
      return listenTo(await place.open());
    },
    async close() {
      for (const client of sockets.clients) client.terminate();
      await forwarding.close();
    },
  };
  return place;
}
