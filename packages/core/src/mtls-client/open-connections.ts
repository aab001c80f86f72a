import type { Socket } from 'node:net';
import { buildConnector, Pool } from 'undici';
import type { TlsIdentity } from '../mtls/tls-identity.ts';
import type { Clock } from '../platform/clock.ts';
import { createMtlsConnector, type MtlsConnector } from './connect-mtls.ts';
import type { SecurePeerOptions } from './secure-peer.ts';

/** The connections to one peer under one generation of our certificate. */
export interface Connections {
  readonly pool: Pool;
  /** Undefined: plain HTTP. */
  readonly connector: MtlsConnector | undefined;
  /** Opens one beside the pool, which belongs to whoever asked for it. */
  connect(): Promise<Socket>;
  /** Closes the pool when its calls have finished; resolves when nothing is open any more. */
  close(): Promise<void>;
}

/** Which certificate connections show, and which they refuse. */
export interface ConnectionRules {
  readonly identity: TlsIdentity;
  readonly clock: Clock;
  isCertificateRevoked(thumbprint: string): boolean;
}

/** The connections to one service, for as long as the own certificate stays the same. */
export function openConnections(peer: SecurePeerOptions, rules: ConnectionRules): Connections {
  const { origin, spiffeId, clientCertificate = true, connectTimeoutMilliseconds = 3000 } = peer;
  const secure = new URL(origin).protocol === 'https:';
  const connector = secure
    ? createMtlsConnector({
        generation: rules.identity.current(),
        spiffeId,
        showCertificate: clientCertificate,
        timeoutMilliseconds: connectTimeoutMilliseconds,
        clock: rules.clock,
        isCertificateRevoked: rules.isCertificateRevoked,
      })
    : undefined;
  const connect = connector?.connect ?? buildConnector({ timeout: connectTimeoutMilliseconds });
  const pool = new Pool(origin, {
    connect,
    connections: peer.maxConnections ?? 128,
    pipelining: 1,
    headersTimeout: 0, // `deadlines` bounds the whole call
    bodyTimeout: 0,
  });
  const beside = new Set<Promise<void>>();
  return {
    pool,
    connector,
    async connect() {
      const socket = await connectTo(origin, connect);
      const closed = new Promise<void>((resolve) => socket.once('close', resolve));
      beside.add(closed);
      void closed.then(() => beside.delete(closed));
      return socket;
    },
    async close() {
      await pool.close();
      await Promise.all(beside);
    },
  };
}

function connectTo(origin: string, connect: buildConnector.connector): Promise<Socket> {
  const { protocol, hostname, port } = new URL(origin);
  const bare = hostname.replace(/^\[(.*)\]$/, '$1');
  return new Promise((resolve, reject) => {
    connect({ protocol, hostname: bare, port }, (error, socket) => {
      if (error === null) resolve(socket);
      else reject(error);
    });
  });
}
