import { SecurityError } from '../errors/security-error.ts';
import type { PeerIdentity } from '../mtls/peer-identity.ts';
import { isFromPage } from './browser-rules.ts';
import type { ServiceRequest } from './route.ts';

/**
 * The client at the other end of the mTLS connection, which must be on the list.
 *
 * @param allowed SPIFFE IDs; undefined admits every peer of the trust domain
 * @throws SecurityError `MTLS_REQUIRED` without a certificate, `ORIGIN_FORBIDDEN` for one that a browser attached to what a
 * page sends, `FORBIDDEN` for a peer that is not on the list
 */
export function requirePeer(request: ServiceRequest, allowed: ReadonlySet<string> | undefined): PeerIdentity {
  if (request.peer === undefined) throw new SecurityError('MTLS_REQUIRED');
  // A gateway, which is on a list, passes on what a subgraph wants to see of the client: `Origin`, perhaps.
  if (allowed === undefined && isFromPage(request))
    throw new SecurityError('ORIGIN_FORBIDDEN', { detail: 'a certificate that a browser sent' });
  if (allowed !== undefined && !allowed.has(request.peer.spiffeId))
    throw new SecurityError('FORBIDDEN', { detail: `peer ${request.peer.spiffeId} is not on the list` });
  return request.peer;
}
