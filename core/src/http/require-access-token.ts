import { SecurityError } from '../errors/security-error.ts';
import type { VerifiedToken } from '../tokens/access-token.ts';
import { requireBinding } from '../tokens/require-binding.ts';
import type { VerifyAccessToken } from '../tokens/verify-access-token.ts';
import type { ServiceRequest } from './route.ts';

export interface AccessTokenRules {
  /** Scopes of which the token must carry every one. */
  readonly scopes?: readonly string[];
  /** Whether a token that is bound to nothing is refused; default: wherever the connection is encrypted. */
  readonly bindingRequired?: boolean;
}

type TokenRequest = Pick<ServiceRequest, 'headers' | 'headerCount' | 'peer' | 'encrypted'>;

/**
 * The verified access token of a request (RFC 6750 section 2.1), bound to the client certificate of its connection.
 *
 * @throws SecurityError `UNAUTHENTICATED` without a token, `BAD_REQUEST` for two, `invalid_token`, `insufficient_scope`
 */
export async function requireAccessToken(
  request: TokenRequest,
  verify: VerifyAccessToken,
  rules: AccessTokenRules = {},
): Promise<VerifiedToken> {
  const token = bearerToken(request);
  if (token === undefined) throw new SecurityError('UNAUTHENTICATED', { detail: 'no bearer token' });
  const verified = await verify(token);
  requireBinding(
    verified,
    { certificateThumbprint: request.peer?.thumbprint },
    rules.bindingRequired ?? request.encrypted,
  );
  const missing = rules.scopes?.filter((scope) => !verified.scopes.has(scope)) ?? [];
  if (missing.length > 0)
    throw new SecurityError('insufficient_scope', { detail: `lacks ${missing.join(' ')}` });
  return verified;
}

/**
 * The token of a Bearer header; undefined where there is none.
 *
 * @throws SecurityError `BAD_REQUEST` for two Authorization headers
 */
export function bearerToken(request: Pick<ServiceRequest, 'headers' | 'headerCount'>): string | undefined {
  if (request.headerCount('authorization') > 1)
    throw new SecurityError('BAD_REQUEST', { detail: 'two Authorization headers' });
  return /^bearer +([^\s]+) *$/i.exec(request.headers.authorization ?? '')?.[1];
}
