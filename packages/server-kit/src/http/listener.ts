import {
  createServer as createPlainServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setImmediate, setTimeout as wait } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import {
  type ConnectionRefusal,
  describeHandshakeFailure,
  describeRefusal,
  refusalReason,
} from '@aduana/core/mtls/connection-refusal';
import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { createKnownPeers, type KnownPeers } from '@aduana/core/mtls/known-peers';
import type { PeerIdentity } from '@aduana/core/mtls/peer-identity';
import type { TlsIdentity } from '@aduana/core/mtls/tls-identity';
import { serverTlsOptions } from '@aduana/core/mtls/tls-options';
import type { Clock } from '@aduana/core/platform/clock';
import { answerBrokenRequest } from './broken-request.ts';
import { readForwardedConnections } from './forwarded-connections.ts';
import { limitIdleConnections } from './idle-connections.ts';

export interface TlsListenerOptions {
  readonly identity: TlsIdentity;
  readonly trustDomain: string;
  /** `request`: a certificate is optional, and must verify if shown. */
  readonly clientCertificates: 'request' | 'require' | 'none';
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  /** Addresses and ranges of balancers, which say in the PROXY protocol whom they forward; default: none. */
  readonly balancers?: readonly string[];
}

export interface ListenerOptions {
  readonly address: string;
  readonly port: number;
  /** Undefined: plain HTTP. */
  readonly tls: TlsListenerOptions | undefined;
  /** The beginnings of the paths that are served here; undefined: all. */
  readonly paths?: readonly string[];
}

export interface Listener {
  readonly port: number;
  /** The verified peer of a connection; undefined where it showed no certificate. */
  peerOf(socket: Socket): PeerIdentity | undefined;
  /** Why a peer's certificate is good no more since its connection was opened; undefined: it still is. */
  problemOf(peer: PeerIdentity): string | undefined;
  /** Without it a wish for another protocol is left out of account. */
  onUpgrade(take: (message: IncomingMessage, socket: Duplex, head: Buffer) => void): void;
  stop(graceMilliseconds: number): Promise<void>;
}

const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 5_000,
  maxHeaderSize: 16_384,
} as const;
/** For how long a connection may be idle once the port is closed: its request is on its way. */
const NEXT_REQUEST_MS = 100;
/** For how long one may have no TLS, or no request, by then. */
const FIRST_REQUEST_MS = 1_000;

/**
 * Listens, over TLS where `tls` says so; a certificate that is shown and does not verify ends the connection.
 *
 * @throws ConfigurationError when the address cannot be had
 */
export async function openListener(
  options: ListenerOptions,
  clock: Clock,
  handle: RequestListener,
  onRefusal: (refusal: ConnectionRefusal) => void,
): Promise<Listener> {
  const { tls } = options;
  const peers = createKnownPeers({
    trustDomain: tls?.trustDomain ?? '',
    clock,
    authorities: () => tls?.identity.current().authorities ?? [],
  });
  const server =
    tls === undefined ? createPlainServer(LIMITS, handle) : openTlsServer(tls, handle, peers, onRefusal);
  const idle = limitIdleConnections(server);
  server.on('clientError', answerBrokenRequest);
  server.on('checkContinue', handle); // whoever reads the body says that it may come
  server.on('checkExpectation', handle); // Node would answer 417 by itself, and nobody would record it
  const { balancers: from = [] } = tls ?? {};
  const endUnread =
    from.length > 0 ? readForwardedConnections(server, { from, clock, onRefusal }) : () => undefined;
  server.maxHeadersCount = 0; // its size is bounded, and Node drops without a word what comes behind the thousandth
  const stopReloading = tls?.identity.onChange((generation) => {
    if ('setSecureContext' in server) server.setSecureContext(serverTlsOptions(generation, tls));
  });
  try {
    await listen(server, options);
  } catch (error) {
    stopReloading?.();
    throw error;
  }
  return {
    port: (server.address() as AddressInfo).port,
    peerOf: (socket) => (socket instanceof TLSSocket ? peers.read(socket) : undefined),
    problemOf: (peer) => peers.problemOf(peer),
    onUpgrade: (take) => {
      server.on('upgrade', (message, socket, head) => {
        idle.leave(message.socket);
        take(message, socket, head);
      });
    },
    async stop(graceMilliseconds) {
      stopReloading?.();
      await setImmediate(); // connections that the kernel has made are taken first: a closed port would reset them
      const closed = closePort(server);
      if ((await countConnections(server)) > 0) await Promise.race([closed, wait(NEXT_REQUEST_MS)]);
      server.closeIdleConnections();
      endUnread();
      const late = setTimeout(idle.end, FIRST_REQUEST_MS);
      const hurry = setTimeout(() => {
        server.closeAllConnections();
      }, graceMilliseconds);
      await closed;
      clearTimeout(late);
      clearTimeout(hurry);
    },
  };
}

/** Takes no more connections; resolves when those there are have ended, the idle ones too. */
function closePort(server: Server): Promise<void> {
  return new Promise((resolve) => {
    // Node's own `close` of HTTP servers ends connections whose request is on its way.
    NetServer.prototype.close.call(server, () => {
      server.close(); // ends what Node does for open connections
      resolve();
    });
  });
}

function countConnections(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.getConnections((_error, count) => {
      resolve(count);
    });
  });
}

function openTlsServer(
  tls: TlsListenerOptions,
  handle: RequestListener,
  peers: KnownPeers,
  onRefusal: (refusal: ConnectionRefusal) => void,
): TlsServer {
  const server = createTlsServer({ ...LIMITS, ...serverTlsOptions(tls.identity.current(), tls) }, handle);
  server.prependListener('connection', ({ remoteAddress }: Socket) => remoteAddress); // Node remembers what was asked once
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    try {
      peers.read(socket);
    } catch (error) {
      onRefusal(describeRefusal(refusalReason(error), socket));
      socket.destroy();
    }
  });
  server.on('tlsClientError', (error, socket) => {
    const refusal = describeHandshakeFailure(error, socket);
    if (refusal !== undefined) onRefusal(refusal);
    socket.destroy();
  });
  return server;
}

async function listen(server: Server | TlsServer, { address, port }: ListenerOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new ConfigurationError([describeListenError(error, address, port)]));
    });
    server.listen({ host: address, port, exclusive: true }, () => {
      resolve();
    });
  });
}

function describeListenError(error: NodeJS.ErrnoException, address: string, port: number) {
  const subject = `${address}:${String(port)}`;
  if (error.code === 'EADDRINUSE')
    return {
      subject,
      problem: 'the port is taken',
      remedy: 'Stop what listens there, or choose another port',
    };
  if (error.code === 'EACCES')
    return { subject, problem: 'the port may not be opened', remedy: 'Choose a port above 1023' };
  return { subject, problem: `cannot listen (${error.code ?? 'unknown'})`, remedy: 'Check BIND_ADDRESS' };
}
