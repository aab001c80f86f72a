import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { buildConnector } from 'undici';
import { notAfterOf } from '../mtls/leaf-problem.ts';
import { certificateThumbprint } from '../mtls/peer-identity.ts';
import type { TlsGeneration } from '../mtls/tls-identity.ts';
import { clientTlsOptions } from '../mtls/tls-options.ts';
import type { Clock } from '../platform/clock.ts';

/** Both certificates of a connection: the one that is shown, and the one that is expected. */
export interface MtlsConnectorOptions {
  readonly generation: TlsGeneration;
  readonly spiffeId: string;
  readonly showCertificate: boolean;
  readonly timeoutMilliseconds: number;
  readonly clock: Clock;
  isCertificateRevoked(thumbprint: string): boolean;
}

/** Opens TLS connections for a pool of undici, and knows those that are open. */
export interface MtlsConnector {
  readonly connect: buildConnector.connector;
  /** Ends the open connections to a callee whose certificate has been revoked meanwhile. */
  endRevoked(): void;
}

/** What is to be known of a callee's certificate after the handshake. */
interface Callee {
  readonly thumbprint: string;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
}

/** Opens TLS connections to one callee, known by its SPIFFE ID, and resumes its TLS sessions. */
export function createMtlsConnector(options: MtlsConnectorOptions): MtlsConnector {
  const { generation, spiffeId, showCertificate, clock } = options;
  const tls = clientTlsOptions(generation, spiffeId, showCertificate);
  const open = new Map<TLSSocket, Callee>();
  /** The newest session, with the certificate of its handshake: where it is resumed, none is shown again. */
  let resumable: { readonly session: Buffer; readonly callee: Callee } | undefined;

  function problemOf(callee: Callee | undefined): string | undefined {
    if (callee === undefined) return 'cannot be read';
    if (callee.notAfter <= clock.now()) return 'has expired';
    return options.isCertificateRevoked(callee.thumbprint) ? 'is revoked' : undefined;
  }

  function refuse(socket: TLSSocket, problem: string): void {
    resumable = undefined;
    socket.destroy(new Error(`the callee's certificate ${problem}`));
  }

  return {
    connect({ hostname, port }, callback) {
      const { session, callee: before } = resumable ?? {};
      const socket = connect({
        ...tls,
        host: hostname,
        port: Number(port || 443),
        ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
        ...(session === undefined ? {} : { session }),
      });
      const timeout = new Error('no connection in time');
      const timer = clock.after(options.timeoutMilliseconds, () => socket.destroy(timeout));
      socket.setNoDelay(true).setKeepAlive(true, 60_000);
      socket.on('session', (received: Buffer) => {
        const callee = open.get(socket);
        if (callee !== undefined) resumable = { session: received, callee };
      });
      socket.once('close', () => open.delete(socket));
      const fail = (error: Error): void => {
        timer.cancel();
        if (error !== timeout) resumable = undefined; // full handshakes would keep a busy callee busy
        callback(error, null);
      };
      socket.once('error', fail);
      socket.once('secureConnect', () => {
        const callee = socket.isSessionReused() ? before : readCallee(socket);
        const problem = problemOf(callee);
        if (callee === undefined || problem !== undefined) {
          refuse(socket, problem ?? '');
          return;
        }
        timer.cancel();
        socket.off('error', fail);
        open.set(socket, callee);
        callback(null, socket);
      });
    },
    endRevoked() {
      for (const [socket, { thumbprint }] of open)
        if (options.isCertificateRevoked(thumbprint)) refuse(socket, 'is revoked');
    },
  };
}

function readCallee(socket: TLSSocket): Callee | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  return { thumbprint: certificateThumbprint(certificate.raw), notAfter: notAfterOf(certificate) };
}
