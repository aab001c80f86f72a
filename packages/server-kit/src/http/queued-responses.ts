import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Responses that wait behind another one of their connection, since their requests came before it was answered. */
export interface QueuedResponses {
  /** Ends the response when its connection closes before it has its turn: Node tells that to the first one alone. */
  follow(message: IncomingMessage, response: ServerResponse): void;
}

/** For the listeners of one service (RFC 9112 section 9.3.2, pipelining). */
export function createQueuedResponses(): QueuedResponses {
  const queues = new WeakMap<Socket, Set<ServerResponse>>();

  function open(socket: Socket): Set<ServerResponse> {
    const queue = new Set<ServerResponse>();
    queues.set(socket, queue);
    socket.once('close', () => {
      for (const response of queue) {
        response.destroy();
        response.emit('close');
      }
    });
    return queue;
  }

  return {
    follow({ socket }, response) {
      if (response.socket !== null) return;
      const queue = queues.get(socket) ?? open(socket);
      queue.add(response);
      response.once('socket', () => void queue.delete(response));
    },
  };
}
