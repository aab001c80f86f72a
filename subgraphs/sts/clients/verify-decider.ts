import { SecurityError } from '@aduana/core/errors/security-error';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import type { VerifyAccessToken } from '@aduana/core/tokens/verify-access-token';

/**
 * Who decided what a service asks for: proven by the decider's own token, which was made for that service, carries the
 * permission, and was got with a certificate. What the service itself says of the decider proves nothing.
 *
 * @param verifyAny verifies tokens of the STS whatever their audience
 * @throws SecurityError `UNAUTHENTICATED`, `insufficient_scope`, `MTLS_REQUIRED`
 */
export async function verifyDecider(
  token: string,
  { service, permission }: { readonly service: string; readonly permission: string },
  verifyAny: VerifyAccessToken,
): Promise<AccessTokenClaims> {
  const { claims, scopes } = await verifyAny(token).catch((error: unknown) => {
    // The caller's own token is good: `invalid_token` would speak of that one.
    if (error instanceof SecurityError && error.code === 'invalid_token')
      throw new SecurityError('UNAUTHENTICATED', { detail: "the decider's token", cause: error });
    throw error;
  });
  if (claims.aud !== service)
    throw new SecurityError('UNAUTHENTICATED', { detail: 'made for another service' });
  if (!scopes.has(permission))
    throw new SecurityError('insufficient_scope', { detail: `the decider lacks ${permission}` });
  if (!isBoundToCertificate(claims))
    throw new SecurityError('MTLS_REQUIRED', { detail: 'the decider showed none' });
  return claims;
}

/** Whether the subject proved a certificate: the one that the token is bound to, or, behind an actor, to that actor. */
function isBoundToCertificate({ act, amr, cnf }: AccessTokenClaims): boolean {
  if (cnf?.['x5t#S256'] === undefined) return false;
  return act === undefined || amr.includes('tls_client_auth') || amr.includes('x509_svid');
}
