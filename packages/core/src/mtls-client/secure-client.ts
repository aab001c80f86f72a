import type { TlsIdentity } from '../mtls/tls-identity.ts';
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import type { StatusView } from '../status/status-entry.ts';
import { createDeadlines, type Deadlines } from './deadlines.ts';
import { openStream } from './open-stream.ts';
import { openConnection } from './open-connection.ts';
import { sendRequest } from './send-request.ts';
import { type Connections, openConnections } from './open-connections.ts';
import type { OpenPeer, SecurePeerOptions } from './secure-peer.ts';

export type {
  OpenPeer,
  SecurePeer,
  SecurePeerOptions,
  SecureRequest,
  SecureResponse,
  SecureStream,
} from './secure-peer.ts';

/** Calls to other services over mutual TLS; an origin can be called only after it has been made a peer. */
export interface SecureClient {
  /** Makes an origin one that can be called. */
  peer(options: SecurePeerOptions): OpenPeer;
  /** From now on peers with a revoked certificate are refused, and open connections to them are closed. */
  heedRevocations(status: Pick<StatusView, 'isCertificateRevoked' | 'onChange'>): void;
  /** Lets calls under way finish, then closes every connection. */
  close(): Promise<void>;
}

/** With which certificate a client calls. */
export interface SecureClientOptions {
  /** The caller's own certificate; connections with one that was replaced are closed once their calls are over. */
  readonly identity: TlsIdentity;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Creates a client for calls over mutual TLS. It opens no connection yet: the first call to a peer does.
 *
 * @example
 * const client = createSecureClient({ identity, clock, log });
 * const sts = client.peer({ origin: 'https://localhost:8011', spiffeId: 'spiffe://aduana.local/sts', failureCode: 'STS_UNAVAILABLE' });
 * const { status, body } = await sts.request({ method: 'GET', path: '/sts/jwks', timeoutMilliseconds: 3000, maxResponseBytes: 65_536 });
 */
export function createSecureClient({ identity, clock, log }: SecureClientOptions): SecureClient {
  const deadlines = createDeadlines(clock);
  const renewals = new Set<() => void>();
  const all = new Set<Connections>();
  const revocations = { isRevoked: (_thumbprint: string): boolean => false };
  const endings: (() => void)[] = [];

  function open(options: SecurePeerOptions): Connections {
    const connections = openConnections(options, {
      identity,
      clock,
      isCertificateRevoked: (thumbprint) => revocations.isRevoked(thumbprint),
    });
    all.add(connections);
    return connections;
  }

  function retire(connections: Connections): Promise<void> {
    return connections
      .close()
      .catch((error: unknown) => {
        log.debug('a connection pool did not close cleanly', { error });
      })
      .then(() => void all.delete(connections));
  }

  endings.push(
    identity.onChange(() => {
      for (const renew of renewals) renew();
    }),
  );
  return {
    peer(options) {
      let current = open(options);
      const renew = (): void => {
        const old = current;
        current = open(options);
        void retire(old);
      };
      renewals.add(renew);
      return {
        ...toPeer(options, () => current, deadlines, clock),
        close() {
          renewals.delete(renew);
          return retire(current);
        },
      };
    },
    heedRevocations(status) {
      revocations.isRevoked = (thumbprint) => status.isCertificateRevoked(thumbprint);
      const endRevoked = (): void => {
        for (const { connector } of all) connector?.endRevoked();
      };
      endings.push(status.onChange(endRevoked));
      endRevoked();
    },
    async close() {
      for (const end of endings.splice(0)) end();
      renewals.clear();
      await Promise.all([...all].map(retire));
    },
  };
}

function toPeer(
  { origin, failureCode }: SecurePeerOptions,
  current: () => Connections,
  deadlines: Deadlines,
  clock: Clock,
): Pick<OpenPeer, 'origin' | 'request' | 'stream' | 'connect'> {
  const rules = (timeoutMilliseconds: number) => ({
    deadlines,
    deadline: clock.monotonic() + timeoutMilliseconds,
    failureCode,
    origin,
  });
  return {
    origin,
    request: (request) => sendRequest(current().pool, request, rules(request.timeoutMilliseconds)),
    stream: (request) => openStream(current().pool, request, rules(request.timeoutMilliseconds)),
    connect: (wait) => openConnection(current(), wait, rules(wait.timeoutMilliseconds)),
  };
}
