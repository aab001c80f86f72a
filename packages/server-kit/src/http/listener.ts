import { createServer as createPlainServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import {
  type ConnectionRefusal,
  describeHandshakeFailure,
  describeRefusal,
  refusalReason,
} from '../mtls/connection-refusal.ts';
import { ConfigurationError } from '../errors/configuration-error.ts';
import { createKnownPeers, type KnownPeers } from '../mtls/known-peers.ts';
import type { PeerIdentity } from '../mtls/peer-identity.ts';
import type { TlsIdentity } from '../mtls/tls-identity.ts';
import { serverTlsOptions } from '../mtls/tls-options.ts';
import type { Clock } from '../platform/clock.ts';

export interface TlsListenerOptions {
  readonly identity: TlsIdentity;
  readonly trustDomain: string;
  /** `request`: a certificate is optional, and must verify if shown. */
  readonly clientCertificates: 'request' | 'require' | 'none';
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
}

export interface ListenerOptions {
  readonly address: string;
  readonly port: number;
  /** Undefined: plain HTTP. */
  readonly tls: TlsListenerOptions | undefined;
}

export interface Listener {
  readonly port: number;
  /** The verified peer of a connection; undefined where it showed no certificate. */
  peerOf(socket: Socket): PeerIdentity | undefined;
  /** Why a peer's certificate is good no more since its connection was opened; undefined: it still is. */
  problemOf(peer: PeerIdentity): string | undefined;
  stop(graceMilliseconds: number): Promise<void>;
}

const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 5_000,
  maxHeaderSize: 16_384,
} as const;

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
  server.on('clientError', answerBrokenRequest);
  server.on('checkExpectation', handle); // Node would answer 417 by itself, and nobody would record it
  server.maxHeadersCount = 0; // its size is bounded, and Node drops without a word what comes behind the thousandth
  const stopReloading = tls?.identity.onChange((generation) => {
    if ('setSecureContext' in server) server.setSecureContext(serverTlsOptions(generation, tls));
  });
  await listen(server, options);
  return {
    port: (server.address() as AddressInfo).port,
    peerOf: (socket) => (socket instanceof TLSSocket ? peers.read(socket) : undefined),
    problemOf: (peer) => peers.problemOf(peer),
    async stop(graceMilliseconds) {
      stopReloading?.();
      const closed = new Promise<void>((resolve) => server.close(() => { resolve(); })); // prettier-ignore
      server.closeIdleConnections();
      const hurry = setTimeout(() => { server.closeAllConnections(); }, graceMilliseconds); // prettier-ignore
      await closed;
      clearTimeout(hurry);
    },
  };
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
    server.listen({ host: address, port, exclusive: true }, () => { resolve(); }); // prettier-ignore
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

function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
}
