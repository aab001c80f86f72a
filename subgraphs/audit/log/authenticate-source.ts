import { SecurityError } from '@aduana/core/errors/security-error';
import { requireAccessToken } from '@aduana/core/http/require-access-token';
import { requirePeer } from '@aduana/core/http/require-peer';
import type { ServiceRequest } from '@aduana/core/http/route';
import type { VerifyAccessToken } from '@aduana/core/tokens/verify-access-token';

export interface SourceAuthority {
  readonly trustDomain: string;
  readonly verify: VerifyAccessToken;
}

/**
 * The service that is at the other end and whose own token this is: nobody posts in another's name.
 *
 * @throws SecurityError
 */
export async function authenticateSource(
  request: ServiceRequest,
  { trustDomain, verify }: SourceAuthority,
): Promise<string> {
  const { spiffeId } = requirePeer(request, undefined);
  const verified = await requireAccessToken(request, verify, {
    bindingRequired: true,
    scopes: ['audit:events:write'],
  });
  const peer = spiffeId.slice(`spiffe://${trustDomain}/`.length);
  const { client_id: clientId, sub } = verified.claims;
  if (clientId !== peer || sub !== peer)
    throw new SecurityError('FORBIDDEN', { detail: 'the token is not the own one of this peer' });
  return peer;
}
