import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import type { OpenPeer } from '@aduana/core/mtls-client/secure-client';
import type { Clock } from '@aduana/core/platform/clock';
import { FrameMeter } from '../limits/frame-meter.ts';
import { MOST_EVENT_BYTES } from './event-stream-upstream.ts';
import type { ResponseRoom } from './subgraph-connection.ts';
import { SocketUpstream } from './socket-upstream.ts';
import type { Upstream } from './upstream.ts';

export interface SocketRequest {
  readonly path: string;
  /** Of the upgrade. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Until the subgraph has acknowledged the connection. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Where a message that is not whole takes room. */
  readonly answers: ResponseRoom;
}

/**
 * Opens a WebSocket to a subgraph for one operation.
 *
 * @returns undefined where the subgraph does not take the token
 * @throws SecurityError `SUBGRAPH_UNAVAILABLE`, `SUBGRAPH_ERROR`
 */
export async function openSocket(peer: OpenPeer, request: SocketRequest): Promise<Upstream | undefined> {
  const { path, headers, body, timeoutMs, signal, clock, answers } = request;
  const since = clock.monotonic();
  const connection = await peer.connect({ timeoutMilliseconds: timeoutMs, signal });
  const socket = new WebSocket(new URL(path, peer.origin), 'graphql-transport-ws', {
    createConnection: () => connection,
    headers,
    followRedirects: false,
    perMessageDeflate: false,
    maxPayload: MOST_EVENT_BYTES,
  });
  const left = Math.max(1, timeoutMs - (clock.monotonic() - since));
  const upstream = new SocketUpstream({ socket, body, timeoutMs: left, signal, clock });
  holdRoom(socket, connection, answers, () => {
    upstream.fail('OVERLOADED', 'there is no room for its messages');
  });
  return (await upstream.opened) ? upstream : undefined;
}

/** Keeps room for what waits for the rest of its message. */
function holdRoom(socket: WebSocket, connection: Socket, answers: ResponseRoom, onNoRoom: () => void): void {
  const held = answers.hold();
  const meter = new FrameMeter();
  let isClosed = false;
  socket.once('open', () => {
    connection.on('data', (chunk: Buffer) => {
      meter.read(chunk);
      if (isClosed || held.set(meter.held)) return;
      answers.onRefuse();
      onNoRoom();
    });
  });
  socket.once('close', () => {
    isClosed = true;
    held.release();
  });
}
