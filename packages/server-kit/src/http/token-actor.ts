import type { AuditActor } from '../audit/audit-event.ts';
import type { AccessTokenClaims } from '../tokens/access-token.ts';
import { actorsOf } from '../tokens/parse-access-token-claims.ts';

/** Who stands behind a token, for the audit log (RFC 8693 section 4.1). */
export function actorOfToken(claims: AccessTokenClaims): AuditActor {
  return {
    sub: claims.sub,
    client_id: claims.client_id,
    act: actorsOf(claims.act),
    auth_method: claims.amr[0] ?? null,
    cert_thumbprint: claims.cnf?.['x5t#S256'] ?? null,
  };
}
