import { Pool } from 'undici';
import type { Code } from '../errors/error-codes.ts';
import type { TlsIdentity } from '../mtls/tls-identity.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { StatusView } from '../status/status-entry.ts';
import { createMtlsConnector, type MtlsConnector } from './connect-mtls.ts';
import { createDeadlines, type Deadlines } from './deadlines.ts';
import { exchangeMessages } from './exchange-messages.ts';
import type { SecurePeer } from './secure-peer.ts';

export type { SecurePeer, SecureRequest, SecureResponse } from './secure-peer.ts';

export interface SecurePeerOptions {
  /** `https://host:port`; plain `http:` only for what the configuration allows it to. */
  readonly origin: string;
  /** Whom the callee's certificate must name. */
  readonly spiffeId: string;
  /** What a failed call is reported as. */
  readonly failureCode: Code;
  /** False: no client certificate is shown to this callee. */
  readonly clientCertificate?: boolean;
  readonly maxConnections?: number;
  readonly connectTimeoutMilliseconds?: number;
}

/** Calls to other services over mutual TLS; an origin can be called only after it has been made a peer. */
export interface SecureClient {
  peer(options: SecurePeerOptions): SecurePeer;
  /** From now on callees whose certificate is revoked are refused, open connections included. */
  heedRevocations(status: Pick<StatusView, 'isCertificateRevoked' | 'onChange'>): void;
  /** Lets calls under way finish, then closes every connection. */
  close(): Promise<void>;
}

export interface SecureClientOptions {
  readonly identity: TlsIdentity;
  readonly clock: Clock;
  readonly log: Log;
}

interface Connections {
  readonly pool: Pool;
  readonly connector: MtlsConnector | undefined;
}

export function createSecureClient({ identity, clock, log }: SecureClientOptions): SecureClient {
  const deadlines = createDeadlines(clock);
  const renewals: (() => void)[] = [];
  const open = new Set<Connections>();
  const revocations = { isRevoked: (_thumbprint: string): boolean => false };
  const endings: (() => void)[] = [];

  function openConnections(options: SecurePeerOptions): Connections {
    const { origin, spiffeId, clientCertificate = true, connectTimeoutMilliseconds = 3000 } = options;
    const secure = new URL(origin).protocol === 'https:';
    const connector = secure
      ? createMtlsConnector({
          generation: identity.current(),
          spiffeId,
          showCertificate: clientCertificate,
          timeoutMilliseconds: connectTimeoutMilliseconds,
          clock,
          isCertificateRevoked: (thumbprint) => revocations.isRevoked(thumbprint),
        })
      : undefined;
    const pool = new Pool(origin, {
      connect: connector?.connect ?? { timeout: connectTimeoutMilliseconds },
      connections: options.maxConnections ?? 128,
      pipelining: 1,
      headersTimeout: 0, // `deadlines` bounds the whole call
      bodyTimeout: 0,
    });
    const connections = { pool, connector };
    open.add(connections);
    return connections;
  }

  function retire(connections: Connections): Promise<void> {
    return connections.pool
      .close()
      .catch((error: unknown) => {
        log.debug('a connection pool did not close cleanly', { error });
      })
      .then(() => void open.delete(connections));
  }

  endings.push(
    identity.onChange(() => {
      for (const renew of renewals) renew();
    }),
  );
  return {
    peer(options) {
      let current = openConnections(options);
      renewals.push(() => {
        const old = current;
        current = openConnections(options);
        void retire(old);
      });
      return toPeer(options, () => current.pool, deadlines, clock);
    },
    heedRevocations(status) {
      revocations.isRevoked = (thumbprint) => status.isCertificateRevoked(thumbprint);
      const endRevoked = (): void => {
        for (const { connector } of open) connector?.endRevoked();
      };
      endings.push(status.onChange(endRevoked));
      endRevoked();
    },
    async close() {
      for (const end of endings.splice(0)) end();
      renewals.length = 0;
      await Promise.all([...open].map(retire));
    },
  };
}

function toPeer(
  { origin, failureCode }: SecurePeerOptions,
  pool: () => Pool,
  deadlines: Deadlines,
  clock: Clock,
): SecurePeer {
  return {
    origin,
    request: (request) =>
      exchangeMessages(pool(), request, {
        deadlines,
        deadline: clock.monotonic() + request.timeoutMilliseconds,
        failureCode,
        origin,
      }),
  };
}
