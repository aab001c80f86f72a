import type { AuditActor } from '@aduana/client/audit/audit-event';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import { actorsOf } from '@aduana/core/tokens/parse-access-token-claims';

/** The actor behind a token, for the audit log (RFC 8693 section 4.1). */
export function actorOfToken(claims: AccessTokenClaims): AuditActor {
  return {
    sub: claims.sub,
    ...(claims.sub_kind === 'user' ? { iss: claims.sub_iss } : {}),
    client_id: claims.client_id,
    act: actorsOf(claims.act),
    auth_method: claims.amr[0] ?? null,
    cert_thumbprint: claims.cnf?.['x5t#S256'] ?? null,
  };
}
