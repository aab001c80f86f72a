import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { type ConnectionRefusal, describeRefusal } from '@aduana/core/mtls/connection-refusal';
import type { PeerIdentity } from '@aduana/core/mtls/peer-identity';
import type { Log } from '@aduana/core/platform/log';
import type { Listener } from './listener.ts';

const REFUSED = 'is revoked, or its service is suspended';
export type PeerGate = ReturnType<typeof createPeerGate>;

type IsRefused = (thumbprint: string, spiffeId: string) => boolean;

/** Ends connections whose certificate counts no more. */
export function createPeerGate(log: Log) {
  let isRevoked: IsRefused = () => false;
  let record: (refusal: ConnectionRefusal) => void = () => undefined;
  const refuse = (refusal: ConnectionRefusal): void => {
    log.warn('a connection was refused', { ...refusal });
    record(refusal);
  };
  return {
    refuse,
    follow(isRefused: IsRefused, onRefusal: typeof record | undefined): void {
      isRevoked = isRefused;
      record = onRefusal ?? record;
    },
    ends({ socket }: IncomingMessage, peer: PeerIdentity | undefined, listener: Listener): boolean {
      const problem =
        peer && (isRevoked(peer.thumbprint, peer.spiffeId) ? REFUSED : listener.problemOf(peer));
      if (problem === undefined) return false;
      refuse(describeRefusal(`the client's certificate ${problem}`, socket as TLSSocket));
      socket.destroy();
      return true;
    },
  };
}
