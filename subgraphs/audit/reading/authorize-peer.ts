import { SecurityError } from '@aduana/core/errors/security-error';
import { requirePeer } from '@aduana/core/http/require-peer';
import type { ServiceRequest } from '@aduana/core/http/route';
import type { Engine } from '@aduana/server-kit/iam/compile';
import { evaluate } from '@aduana/server-kit/iam/evaluate';
import type { Clock } from '@aduana/core/platform/clock';
import type { StatusView } from '@aduana/core/status/status-entry';

export interface PeerAuthority {
  readonly policies: () => Engine;
  readonly status: Pick<StatusView, 'assertFresh' | 'isServiceSuspended'>;
  readonly clock: Clock;
}

/**
 * The id of the service behind the certificate, if its roles allow the action now.
 *
 * @throws SecurityError `MTLS_REQUIRED`, `FORBIDDEN`, `STATUS_UNAVAILABLE`
 */
export function authorizePeer(request: ServiceRequest, action: string, authority: PeerAuthority): string {
  const peer = requirePeer(request, undefined);
  const engine = authority.policies();
  const service = engine.serviceBySpiffeId(peer.spiffeId);
  if (service === undefined) throw new SecurityError('FORBIDDEN', { detail: 'an unknown service' });
  authority.status.assertFresh();
  if (authority.status.isServiceSuspended(service.id))
    throw new SecurityError('FORBIDDEN', { detail: 'the service is suspended' });
  const { effect } = evaluate(engine, {
    subject: service.id,
    roles: service.roles,
    action,
    context: {
      time: authority.clock.now(),
      address: request.remoteAddress,
      mtls: true,
      spiffeId: peer.spiffeId,
      authenticationMethod: 'tls_client_auth',
    },
  });
  if (effect !== 'allow') throw new SecurityError('FORBIDDEN', { detail: `${service.id} lacks ${action}` });
  return service.id;
}
