import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { createBoundedCache } from '../platform/bounded-cache.ts';
import type { Clock } from '../platform/clock.ts';
import type { PeerIdentity } from './peer-identity.ts';
import { readPeerIdentity } from './read-peer-identity.ts';
import { pathProblem } from './verify-certificate-chain.ts';

/** Who is at the other end of a server's connections; what a certificate says is read once. */
export interface KnownPeers {
  /**
   * The verified peer of a connection; undefined where it showed no certificate. It stays what its first
   * handshake showed, whatever is negotiated on it afterwards.
   *
   * @throws SecurityError `UNAUTHENTICATED` for a certificate that was shown and does not verify
   */
  read(socket: TLSSocket): PeerIdentity | undefined;
  /**
   * Why the peer's certificate is good no more, asked on each request: TLS verifies neither an open connection nor a
   * resumed session again. Undefined: it is still good.
   */
  problemOf(peer: PeerIdentity): string | undefined;
}

/** Which peers are known. */
export interface KnownPeersOptions {
  readonly trustDomain: string;
  readonly clock: Clock;
  /** DER of the CAs that are trusted now; another array once they change. */
  authorities(): readonly Uint8Array[];
}

const MOST_CERTIFICATES = 5_000;

/** Reads the certificate of each connection once, and judges it on each request. */
export function createKnownPeers({ trustDomain, clock, authorities }: KnownPeersOptions): KnownPeers {
  const bySocket = new WeakMap<TLSSocket, PeerIdentity | undefined>();
  const byThumbprint = createBoundedCache<PeerIdentity>(clock, MOST_CERTIFICATES);
  /** Under which CAs a peer's chain was found good. */
  const vouched = new WeakMap<PeerIdentity, readonly Uint8Array[]>();

  function recognise(shown: PeerIdentity, resumed: boolean): PeerIdentity {
    const known = byThumbprint.get(shown.thumbprint);
    // A resumed session remembers the leaf alone: the intermediates are those of the session before it.
    if (known !== undefined && (resumed || isSameChain(known.chain, shown.chain))) return known;
    if (resumed)
      vouched.set(shown, authorities()); // a ticket ends with the CAs under which it was made
    else byThumbprint.set(shown.thumbprint, shown, shown.notAfter);
    return shown;
  }

  return {
    read(socket) {
      if (bySocket.has(socket)) return bySocket.get(socket);
      const shown = readPeerIdentity(socket, trustDomain);
      const peer = shown && recognise(shown, socket.isSessionReused());
      bySocket.set(socket, peer);
      return peer;
    },
    problemOf(peer) {
      if (peer.notAfter <= clock.now()) return 'has expired';
      const trusted = authorities();
      if (vouched.get(peer) === trusted) return undefined;
      const [leaf, ...intermediates] = peer.chain.map((der) => new X509Certificate(der));
      if (leaf === undefined) return 'was not shown';
      const problem = pathProblem(leaf, intermediates, { authorities: trusted, now: clock.now() });
      if (problem === undefined) vouched.set(peer, trusted);
      return problem;
    },
  };
}

function isSameChain(one: readonly Buffer[], other: readonly Buffer[]): boolean {
  return one.length === other.length && one.every((der, index) => other[index]?.equals(der) === true);
}
