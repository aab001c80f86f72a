import type { Server, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { addressBeneath, type ConnectionRefusal, refusalReason } from '@aduana/core/mtls/connection-refusal';
import type { Clock } from '@aduana/core/platform/clock';
import { createAddressMatcher } from '../platform/address-range.ts';
import { parseProxyHeader } from './proxy-header.ts';

export interface ForwardedConnectionOptions {
  /** Addresses and ranges of the balancers: each of their connections begins with a header. */
  readonly from: readonly string[];
  readonly clock: Clock;
  readonly onRefusal: (refusal: ConnectionRefusal) => void;
}

/** A balancer sends its header with the first bytes, or before them. */
const LONGEST_WAIT_MS = 5_000;

/**
 * Reads the header of the PROXY protocol from connections of balancers before anybody else sees them: their
 * `remoteAddress` is then the client's, and so is that of TLS over them. A connection of a balancer without a header is
 * ended. One of anybody else is left as it is, so that a header in it is no TLS.
 *
 * @returns ends the connections whose header has not come
 */
export function readForwardedConnections(server: Server, options: ForwardedConnectionOptions): () => void {
  const isBalancer = createAddressMatcher(options.from);
  const waiting = new Set<Socket>();
  const takers = server.listeners('connection') as ((socket: Socket) => void)[];
  const take = (socket: Socket): void => {
    for (const taker of takers) taker.call(server, socket);
  };
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined || isBalancer(remoteAddress) !== true) {
      take(socket);
      return;
    }
    waiting.add(socket);
    socket.once('close', () => waiting.delete(socket));
    readSource(socket, options, (source) => {
      waiting.delete(socket);
      if (source !== undefined) setRemoteAddress(socket, source);
      take(socket);
    });
  });
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    setRemoteAddress(socket, addressBeneath(socket));
  });
  return () => {
    for (const socket of waiting) socket.destroy();
  };
}

/** What Node would say of the other end, it says of the client from now on. */
function setRemoteAddress(socket: Socket, address: string): void {
  Object.defineProperty(socket, 'remoteAddress', { value: address, enumerable: true });
}

/** Takes the header off a connection, or ends it: who leaves or sends nothing says nothing worth recording. */
function readSource(
  socket: Socket,
  { clock, onRefusal }: ForwardedConnectionOptions,
  onSource: (source: string | undefined) => void,
): void {
  const header = parseProxyHeader();
  let step = header.next();
  const leave = (): void => void socket.destroy();
  const timer = clock.after(LONGEST_WAIT_MS, leave);
  const advance = (): void => {
    while (step.done !== true) {
      const bytes = socket.read(step.value) as Buffer | null;
      if (bytes === null) return;
      if (bytes.length < step.value) leave(); // all that is left of one that has ended
      if (socket.destroyed) return;
      step = header.next(bytes);
    }
    timer.cancel();
    socket.off('readable', onReadable).off('error', leave).off('end', leave);
    onSource(step.value);
  };
  const onReadable = (): void => {
    try {
      advance();
    } catch (error) {
      const { remoteAddress: address = 'unknown' } = socket;
      onRefusal({ reason: refusalReason(error), thumbprint: null, address });
      leave();
    }
  };
  socket.once('close', () => {
    timer.cancel();
  });
  socket.on('readable', onReadable).on('error', leave).on('end', leave);
}
