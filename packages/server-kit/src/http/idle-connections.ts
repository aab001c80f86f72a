import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { countedNetwork } from '@aduana/core/platform/counted-network';
import { createLimitedPlaces } from '@aduana/core/platform/limited-places';

/** Connections over which nothing is asked: no TLS yet, no request yet, or none since the last answer. */
export interface IdleConnections {
  /** From now on the connection is no longer HTTP's. */
  leave(socket: Socket): void;
  readonly end: () => void;
}

/** Of one listener; one that has its TLS takes some 30 KB (Node 20). */
export const MOST_IDLE = 4_096;

/** Keeps a server's idle connections to their number: of too many, the oldest of the address that has most is ended. */
export function limitIdleConnections(server: Server): IdleConnections {
  const places = createLimitedPlaces({ ofOne: MOST_IDLE, ofAll: MOST_IDLE });
  const idle = new Map<Socket, () => void>();
  const running = new WeakMap<Socket, number>();

  function enter(socket: Socket): void {
    if (socket.destroyed) return;
    const leavePlace = places.take(countedNetwork(socket.remoteAddress ?? ''), () => {
      idle.delete(socket);
      socket.destroy();
    });
    idle.set(socket, leavePlace);
  }

  function leave(socket: Socket): void {
    idle.get(socket)?.();
    idle.delete(socket);
  }

  function open(socket: Socket): void {
    enter(socket);
    socket.once('close', () => {
      leave(socket);
    });
  }

  function follow({ socket }: IncomingMessage, response: ServerResponse): void {
    running.set(socket, (running.get(socket) ?? 0) + 1);
    leave(socket);
    response.once('close', () => {
      const left = (running.get(socket) ?? 1) - 1;
      running.set(socket, left);
      if (left === 0) enter(socket);
    });
  }

  server.on('connection', open);
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    const { _parent: beneath } = socket as { readonly _parent?: Socket };
    if (beneath !== undefined) leave(beneath);
    open(socket);
  });
  for (const event of ['request', 'checkContinue', 'checkExpectation']) server.prependListener(event, follow);
  return {
    leave,
    end() {
      for (const socket of [...idle.keys()]) socket.destroy();
    },
  };
}
