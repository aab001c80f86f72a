import type { AuditActor } from '@aduana/client/audit/audit-event';
import type { ServiceRequest } from '@aduana/core/http/route';

/** A service that asks the log itself, known by the certificate of its connection. */
export function peerActor(service: string, request: ServiceRequest): AuditActor {
  return {
    sub: service,
    client_id: service,
    act: [],
    auth_method: 'tls_client_auth',
    cert_thumbprint: request.peer?.thumbprint ?? null,
  };
}
