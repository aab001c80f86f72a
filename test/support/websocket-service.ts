import { once } from 'node:events';
import { connect as connectPlain, type Socket } from 'node:net';
import { WebSocket } from 'ws';
import type { AuditRecord } from '@aduana/client/audit/audit-event';
import type { ServiceRequest } from '@aduana/core/http/route';
import { openHttpService } from '@aduana/server-kit/http/service';
import { createMetrics } from '@aduana/server-kit/platform/create-metrics';
import { createStreamLimits } from '../../gateway/limits/stream-limits.ts';
import type { Authenticated, Caller } from '../../gateway/stages.ts';
import { createUpgradeHandler } from '../../gateway/websocket/create-upgrade-handler.ts';
import type { FakeClock } from './fake-clock.ts';
import { delegatedOf } from './stream-world.ts';
import { webSocketDependencies } from './websocket-dependencies.ts';

export interface WebSocketServiceOptions {
  readonly clock: FakeClock;
  /** What bodies and messages may take together, and one of them. */
  readonly bodyBytes: number;
  readonly largestBytes: number;
  readonly connectionsPerCaller?: number;
  /** Awaited before a caller is vouched for. */
  readonly beforeExchange?: () => Promise<void>;
  /** Takes a place for an operation of a caller. */
  readonly enter?: (caller: Caller) => Promise<() => void>;
}

/** The WebSockets of a gateway whose callers are named by their tokens, `Bearer a.NAME.c`; `/body` reads a body. */
export async function openWebSocketService(options: WebSocketServiceOptions) {
  const { clock, bodyBytes, largestBytes } = options;
  const open: { terminate(): void }[] = [];
  const metrics = createMetrics();
  const { dependencies, records } = webSocketDependencies({
    clock,
    metrics,
    bodyBytes: largestBytes,
    more: {
      callers: { enter: options.enter ?? (() => Promise.reject(new TypeError('nothing is run'))) },
      async exchange({ credential }: Authenticated) {
        await options.beforeExchange?.();
        return delegatedOf('token' in credential ? (credential.token.reveal().split('.')[1] ?? '') : '', {});
      },
    },
  });
  const limits = createStreamLimits(
    { LIMIT_STREAMS_PER_CALLER: options.connectionsPerCaller ?? 'off', LIMIT_STREAMS: 'off' },
    metrics,
  );
  const service = await openHttpService({
    name: 'test',
    listeners: [{ address: '127.0.0.1', port: 0, tls: undefined }],
    bodyBytes,
    upgrades: true,
    platform: dependencies.platform,
  });
  const body = {
    method: 'POST',
    path: '/body',
    handle: async (request: ServiceRequest) => {
      const { owner } = request.headers as { readonly owner?: string };
      return { status: 200, body: String((await request.body(largestBytes, owner)).length) };
    },
  } as const;
  service.serve(
    [body],
    () => Promise.resolve({ status: 'ok', checks: {} }),
    () => false,
    undefined,
    createUpgradeHandler({ dependencies, limits, heartbeatMs: 15_000 }),
  );
  const port = service.ports[0] ?? 0;

  /** A WebSocket as it is opened, without a word. */
  const connect = async (
    headers: Readonly<Record<string, string>> = {},
    protocol = 'graphql-transport-ws',
  ): Promise<WebSocket> => {
    const socket = new WebSocket(`ws://127.0.0.1:${String(port)}/graphql`, protocol, { headers });
    open.push(socket);
    socket.on('error', () => undefined);
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('close', reject);
    });
    return socket;
  };

  return {
    records,
    metrics,
    connect,
    /** A WebSocket whose caller is admitted. */
    async admit(name: string): Promise<WebSocket> {
      const socket = await connect();
      const acknowledged = once(socket, 'message');
      socket.send(
        JSON.stringify({ type: 'connection_init', payload: { Authorization: `Bearer a.${name}.c` } }),
      );
      await Promise.race([acknowledged, closeCodeOf(socket).then(refuseToGoOn)]);
      return socket;
    },
    /** A connection over which the client says what it likes. */
    async connectPlain(text: string): Promise<Socket> {
      const socket = connectPlain(port, '127.0.0.1');
      open.push({ terminate: () => socket.destroy() });
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.write(text);
      return socket;
    },
    async close(): Promise<void> {
      for (const one of open) one.terminate();
      await service.stop();
    },
  };
}

function refuseToGoOn(code: number): never {
  throw new Error(`closed with ${String(code)}`);
}

/** Codes of events, beside those that allow. */
export function refusalsOf(
  records: readonly AuditRecord[],
): readonly (readonly [unknown, unknown, unknown])[] {
  return records
    .filter(({ outcome }) => outcome !== 'ALLOWED')
    .map(({ actor, outcome, detail }) => [actor.sub, outcome, (detail as { code?: unknown }).code]);
}

/** The code with which the server closes. */
export function closeCodeOf(socket: WebSocket): Promise<number> {
  return new Promise((resolve) => socket.once('close', resolve)); // a reset is an error before it
}
