import type { ServiceRequest } from '@aduana/core/http/route';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import type { SourceAuthority } from '../../subgraphs/audit/log/authenticate-source.ts';
import { createSourceRate } from '../../subgraphs/audit/log/source-rate.ts';
import { createFakeClock } from './fake-clock.ts';
import { createServiceRequest } from './service-request.ts';

/** Each service shows its own token, named as itself, and posts as much as it likes. */
export const sourceAuthority = {
  rate: createSourceRate('off', createFakeClock()),
  trustDomain: 'aduana.local',
  verify: (service: string) => {
    const claims = { client_id: service, sub: service, cnf: { 'x5t#S256': 'T' } };
    const scopes = new Set(['audit:events:write']);
    return Promise.resolve({ claims: claims as unknown as AccessTokenClaims, kid: 'k', scopes });
  },
} satisfies SourceAuthority & { readonly rate: object };

/** What a service posts to the audit log, by its certificate and a token: by default its own. */
export function eventsRequest(service: string, body: string, token = service): ServiceRequest {
  return createServiceRequest({
    path: '/audit/events',
    headers: { authorization: `Bearer ${token}` },
    peer: { spiffeId: `spiffe://aduana.local/${service}`, thumbprint: 'T', chain: [], notAfter: Infinity },
    encrypted: true,
    body,
  });
}
