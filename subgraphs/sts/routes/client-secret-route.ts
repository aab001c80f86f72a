import { SecurityError } from '@aduana/core/errors/security-error';
import { requirePeer } from '@aduana/core/http/require-peer';
import type { Route } from '@aduana/core/http/route';
import type { StatusView } from '@aduana/core/status/status-entry';
import { auditTrace } from '@aduana/server-kit/http/audit-trace';
import type { Engine } from '@aduana/server-kit/iam/compile';
import type { CollectClientSecret } from '../clients/collect-client-secret.ts';
import { jsonResponse } from './read-parameters.ts';

export interface ClientSecretRouteOptions {
  readonly policies: () => Engine;
  readonly status: Pick<StatusView, 'assertFresh' | 'isServiceSuspended'>;
  readonly collect: CollectClientSecret;
}

/**
 * `GET /sts/client-secret`: a service's own secret, by its certificate on this connection and by nothing else; answers
 * `{ version, secret, graceUntil }`, the last in RFC 3339, or null where the version before is not accepted any more.
 */
export function createClientSecretRoute({ policies, status, collect }: ClientSecretRouteOptions): Route {
  return {
    method: 'GET',
    path: '/sts/client-secret',
    async handle(request) {
      const peer = requirePeer(request, undefined);
      status.assertFresh();
      const service = policies().serviceBySpiffeId(peer.spiffeId);
      if (service === undefined || status.isServiceSuspended(service.id))
        throw new SecurityError('FORBIDDEN', { detail: `${peer.spiffeId} is not registered, or suspended` });
      if (!service.authentication.some((method) => method.startsWith('client_secret_')))
        throw new SecurityError('NO_CLIENT_SECRET');
      const trace = auditTrace(request.trace);
      const { version, secret, graceUntil } = await collect(service.id, peer.thumbprint, trace);
      return jsonResponse({
        version,
        secret: secret.reveal(),
        graceUntil: graceUntil === undefined ? null : new Date(graceUntil).toISOString(),
      });
    },
  };
}
