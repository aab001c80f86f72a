import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { buildConnector } from 'undici';
import { certificateThumbprint } from '../mtls/peer-identity.ts';
import type { TlsGeneration } from '../mtls/tls-identity.ts';
import { clientTlsOptions } from '../mtls/tls-options.ts';
import type { Clock } from '../platform/clock.ts';

export interface MtlsConnectorOptions {
  readonly generation: TlsGeneration;
  readonly spiffeId: string;
  readonly showCertificate: boolean;
  readonly timeoutMilliseconds: number;
  readonly clock: Clock;
  isCertificateRevoked(thumbprint: string): boolean;
}

export interface MtlsConnector {
  readonly connect: buildConnector.connector;
  /** Ends the open connections to a callee whose certificate has been revoked meanwhile. */
  endRevoked(): void;
}

/** Opens TLS connections to one callee, known by its SPIFFE ID, and resumes its TLS sessions. */
export function createMtlsConnector(options: MtlsConnectorOptions): MtlsConnector {
  const { generation, spiffeId, showCertificate, clock } = options;
  const tls = clientTlsOptions(generation, spiffeId, showCertificate);
  const open = new Map<TLSSocket, string>();
  let session: Buffer | undefined;

  function refuseRevoked(socket: TLSSocket, thumbprint: string): boolean {
    if (!options.isCertificateRevoked(thumbprint)) return false;
    session = undefined;
    socket.destroy(new Error("the callee's certificate is revoked"));
    return true;
  }

  return {
    connect({ hostname, port }, callback) {
      const socket = connect({
        ...tls,
        host: hostname,
        port: Number(port || 443),
        ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
        ...(session === undefined ? {} : { session }),
      });
      const timer = clock.after(options.timeoutMilliseconds, () =>
        socket.destroy(new Error('no connection in time')),
      );
      socket.setNoDelay(true).setKeepAlive(true, 60_000);
      socket.on('session', (received: Buffer) => (session = received));
      socket.once('close', () => open.delete(socket));
      const fail = (error: Error): void => {
        timer.cancel();
        session = undefined;
        callback(error, null);
      };
      socket.once('error', fail);
      socket.once('secureConnect', () => {
        const thumbprint = certificateThumbprint(socket.getPeerX509Certificate()?.raw ?? Buffer.alloc(0));
        if (refuseRevoked(socket, thumbprint)) return;
        timer.cancel();
        socket.off('error', fail);
        open.set(socket, thumbprint);
        callback(null, socket);
      });
    },
    endRevoked() {
      for (const [socket, thumbprint] of open) refuseRevoked(socket, thumbprint);
    },
  };
}
