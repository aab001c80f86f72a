import type { StatusView } from './status-entry.ts';

/**
 * Whether the status feed says that nothing is to be taken from a peer, on open connections included: its certificate is
 * revoked, or its service suspended, whose id is the path of its SPIFFE ID.
 */
export function isPeerRefused(
  status: Pick<StatusView, 'isCertificateRevoked' | 'isServiceSuspended'>,
  thumbprint: string,
  spiffeId: string,
): boolean {
  const [, id = ''] = /^spiffe:\/\/[^/]*\/(.*)$/.exec(spiffeId) ?? [];
  return status.isCertificateRevoked(thumbprint) || status.isServiceSuspended(id);
}
