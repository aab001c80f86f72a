import { SecurityError } from '@aduana/core/errors/security-error';

/** Lets each peer have only so much under way, so that none keeps the log from the others. */
export type PeerShare = <Result>(peer: string, bytes: number, work: () => Promise<Result>) => Promise<Result>;

/**
 * What is larger than the share by itself passes alone.
 *
 * @param share in bytes
 */
export function createPeerShare(share: number): PeerShare {
  const underWay = new Map<string, number>();
  return async (peer, bytes, work) => {
    const before = underWay.get(peer) ?? 0;
    if (before > 0 && before + bytes > share)
      throw new SecurityError('OVERLOADED', {
        detail: `${peer} has its share under way`,
        retryAfterSeconds: 1,
      });
    underWay.set(peer, before + bytes);
    try {
      return await work();
    } finally {
      const after = (underWay.get(peer) ?? 0) - bytes;
      if (after > 0) underWay.set(peer, after);
      else underWay.delete(peer);
    }
  };
}
