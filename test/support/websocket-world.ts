import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import { createBodyBudget } from '@aduana/core/http/body-budget';
import type { ServiceRequest } from '@aduana/core/http/route';
import { createMetrics } from '@aduana/server-kit/platform/create-metrics';
import type { HandlerDependencies } from '../../gateway/handler-dependencies.ts';
import { createStreamLimits } from '../../gateway/limits/stream-limits.ts';
import { createUpgradeHandler } from '../../gateway/websocket/create-upgrade-handler.ts';
import { createFakeClock } from './fake-clock.ts';
import { webSocketDependencies } from './websocket-dependencies.ts';

const TRACE = { traceId: '0'.repeat(32), spanId: '0'.repeat(16), sampled: false };
const START = Date.UTC(2026, 0, 1, 12);

export interface WebSocketWorldOptions {
  readonly perCaller?: number;
  readonly bodyBytes?: number;
  readonly more?: Partial<Record<keyof HandlerDependencies, unknown>>;
}

/** The WebSocket face of a gateway on a port of loopback; what lies behind it is the test's. */
export async function openWebSocketWorld(options: WebSocketWorldOptions = {}) {
  const clock = createFakeClock(START);
  const sockets: Duplex[] = [];
  const clients: WebSocket[] = [];
  const metrics = createMetrics();
  const { dependencies, records, supervised } = webSocketDependencies({
    clock,
    metrics,
    bodyBytes: options.bodyBytes ?? 1_048_576,
    ...(options.more && { more: options.more }),
  });
  const limits = createStreamLimits(
    { LIMIT_STREAMS: 'off', LIMIT_STREAMS_PER_CALLER: options.perCaller ?? 'off' },
    metrics,
  );
  const handle = createUpgradeHandler({
    dependencies,
    limits,
    heartbeatMs: 15_000,
  });
  const bodies = createBodyBudget({ clock, totalBytes: 67_108_864 });
  const server = createServer().on('upgrade', (message, socket, head) => {
    sockets.push(socket);
    const request = {
      method: 'GET', path: '/graphql', headers: message.headers, headerCount: () => 1, peer: undefined,
      remoteAddress: '127.0.0.1', encrypted: false, trace: TRACE, signal: new AbortController().signal,
      abandoned: new AbortController().signal,
    } as unknown as ServiceRequest; // prettier-ignore
    const refuse = ({ status }: { readonly status: number }): void =>
      void socket.end(`HTTP/1.1 ${String(status)} refused\r\n\r\n`);
    void handle({ request, message, socket, head, bodies, refuse });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `ws://127.0.0.1:${String((server.address() as AddressInfo).port)}/graphql`;
  const connect = async (headers: Readonly<Record<string, string>> = {}): Promise<WebSocket> => {
    const client = new WebSocket(url, 'graphql-transport-ws', { headers });
    clients.push(client);
    await new Promise<void>((resolve, reject) => {
      client.once('open', resolve);
      client.on('error', reject);
    });
    return client;
  };
  return {
    clock,
    records,
    /** The server's sides, in the order in which they were opened. */
    sockets,
    connect,
    /** Connects, and waits until the caller is admitted. */
    async admit(): Promise<WebSocket> {
      const client = await connect();
      const answered = once(client, 'message');
      client.send('{"type":"connection_init","payload":{"Authorization":"Bearer a.b.c"}}');
      await answered;
      return client;
    },
    /** What the gateway does once a second. */
    tick: () => {
      for (const one of [...supervised]) one.tick(clock.now());
    },
    async close(): Promise<void> {
      for (const client of clients.splice(0)) client.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
