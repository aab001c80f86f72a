import { SecurityError } from '@aduana/core/errors/security-error';
import { errorResponse, toSecurityError } from '@aduana/core/http/error-response';
import type { ServiceRequest, ServiceResponse } from '@aduana/core/http/route';

/** The only words that an OAuth endpoint answers with (RFC 6749 section 5.2, RFC 8628 section 3.5, RFC 8693 section 2.2.2, RFC 9449 section 5). */
const OAUTH_CODES = new Set([
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'invalid_target',
  'invalid_dpop_proof',
  'use_dpop_nonce',
  'slow_down',
  'temporarily_unavailable',
]);

/** The error answer of an OAuth endpoint, with a challenge for whoever sent an Authorization header (RFC 6749 section 5.2). */
export function oauthErrorResponse(
  error: unknown,
  { headers }: Pick<ServiceRequest, 'headers'>,
): ServiceResponse {
  const known = toOauthError(toSecurityError(error));
  const response = errorResponse(known.error);
  const challenge =
    known.error.code === 'invalid_client' && headers.authorization !== undefined
      ? { 'www-authenticate': 'Basic realm="sts"' }
      : {};
  return {
    ...response,
    status: known.status,
    headers: { ...response.headers, pragma: 'no-cache', ...challenge, ...dpopNonce(known.error) },
  };
}

/** RFC 9449 section 8. */
function dpopNonce({ extensions: { nonce } }: SecurityError): Readonly<Record<string, string>> {
  return typeof nonce === 'string' ? { 'dpop-nonce': nonce } : {};
}

function toOauthError(error: SecurityError): { readonly error: SecurityError; readonly status: number } {
  const { code, status, detail, retryAfterSeconds } = error;
  if (OAUTH_CODES.has(code))
    return { error, status: code === 'invalid_dpop_proof' || code === 'use_dpop_nonce' ? 400 : status };
  const cause = {
    ...(detail === undefined ? {} : { detail }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    cause: error,
  };
  if (code === 'RATE_LIMITED') return { error: new SecurityError('invalid_client', cause), status };
  if (status === 503) return { error: new SecurityError('temporarily_unavailable', cause), status };
  if (status >= 500) return { error, status };
  return { error: new SecurityError('invalid_request', cause), status };
}
