import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Admission } from './http/admission.ts';

/** A server of `ws` with `noServer`, as far as it is needed; its own types are not. */
export interface WebSocketAcceptor<Socket> {
  handleUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    accept: (webSocket: Socket, request: IncomingMessage) => void,
  ): void;
  emit(event: 'connection', webSocket: Socket, request: IncomingMessage): boolean;
}

/**
 * A listener for the `upgrade` event of a server. It passes admitted WebSockets to `sockets`, which `useServer` of
 * graphql-ws serves, and answers all others with the status and the code of their refusal.
 *
 * @example
 * const sockets = new WebSocketServer({ noServer: true });
 * useServer({ schema, context: ({ extra }) => subgraph.context(extra.request) }, sockets);
 * server.on('upgrade', admitWebSockets(subgraph, sockets));
 */
export function admitWebSockets<Socket>(
  { admitUpgrade }: Pick<Admission, 'admitUpgrade'>,
  sockets: WebSocketAcceptor<Socket>,
): (request: IncomingMessage, socket: Duplex, head: Buffer) => void {
  return (request, socket, head) => {
    void admitUpgrade(request, socket).then((token) => {
      if (token === undefined) return;
      sockets.handleUpgrade(request, socket, head, (webSocket) => {
        sockets.emit('connection', webSocket, request);
      });
    });
  };
}
