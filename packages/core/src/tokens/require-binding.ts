import { SecurityError } from '../errors/security-error.ts';
import { constantTimeEqual } from '../platform/digest.ts';
import type { VerifiedToken } from './access-token.ts';

/** What the sender of a token has proved to hold. */
export interface Possession {
  /** base64url(SHA-256(DER)) of the client certificate of this connection. */
  readonly certificateThumbprint: string | undefined;
  /** RFC 7638 thumbprint of the key of a DPoP proof that has been verified for this request. */
  readonly dpopThumbprint?: string | undefined;
}

/**
 * Checks that a token is sent by whom it is bound to (RFC 8705 section 3, RFC 9449 section 7.1); never falls back to
 * bearer.
 *
 * @param required whether a token that is bound to nothing is refused
 * @throws SecurityError `invalid_token`
 */
export function requireBinding(
  { claims: { cnf } }: VerifiedToken,
  shown: Possession,
  required: boolean,
): void {
  if (cnf === undefined) {
    if (required) throw new SecurityError('invalid_token', { detail: 'the token is bound to nothing' });
    if (shown.dpopThumbprint !== undefined)
      throw new SecurityError('invalid_token', { detail: 'a DPoP proof beside a token without jkt' });
    return;
  }
  requireEqual(cnf['x5t#S256'], shown.certificateThumbprint, 'certificate');
  requireEqual(cnf.jkt, shown.dpopThumbprint, 'DPoP key');
  if (cnf.jkt === undefined && shown.dpopThumbprint !== undefined)
    throw new SecurityError('invalid_token', { detail: 'a DPoP proof beside a token without jkt' });
}

function requireEqual(bound: string | undefined, shown: string | undefined, what: string): void {
  if (bound === undefined) return;
  if (shown === undefined)
    throw new SecurityError('invalid_token', { detail: `the token is bound to a ${what}, none was shown` });
  if (!constantTimeEqual(bound, shown))
    throw new SecurityError('invalid_token', { detail: `the token is bound to another ${what}` });
}
