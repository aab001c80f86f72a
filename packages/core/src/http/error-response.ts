import { SecurityError } from '../errors/security-error.ts';
import type { ServiceResponse } from './route.ts';

const NO_STORE = { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' } as const;

/** Any failure as one with a code; what is not ours becomes `INTERNAL_SERVER_ERROR`, whose cause only the log sees. */
export function toSecurityError(error: unknown): SecurityError {
  return error instanceof SecurityError
    ? error
    : new SecurityError('INTERNAL_SERVER_ERROR', { cause: error });
}

/** The error answer of a REST route: `error` and `error_description` (RFC 6749 section 5.2). */
export function errorResponse(error: SecurityError): ServiceResponse {
  return {
    status: error.status,
    code: error.code,
    headers: { ...NO_STORE, ...retryAfter(error), ...challenge(error) },
    body: JSON.stringify({ error: error.code, error_description: error.message, ...error.extensions }),
  };
}

/** The error answer of a GraphQL route that could not run the operation at all. */
export function graphqlErrorResponse(error: SecurityError): ServiceResponse {
  const extensions = { code: error.code, ...error.extensions };
  return {
    status: error.status,
    code: error.code,
    headers: { ...NO_STORE, ...retryAfter(error), ...challenge(error) },
    body: JSON.stringify({ errors: [{ message: error.message, extensions }] }),
  };
}

function retryAfter(error: SecurityError): Readonly<Record<string, string>> {
  const seconds = error.retryAfterSeconds ?? (error.status === 503 ? 1 : undefined);
  return seconds === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(seconds))) };
}

/** RFC 9449 section 9. */
function dpopNonce({ extensions: { nonce } }: SecurityError): Readonly<Record<string, string>> {
  return typeof nonce === 'string' ? { 'dpop-nonce': nonce } : {};
}

/** RFC 6750 section 3, RFC 9449 section 7.1. */
function challenge(error: SecurityError): Readonly<Record<string, string>> {
  if (error.code === 'invalid_token' || error.code === 'insufficient_scope')
    return { 'www-authenticate': `Bearer error="${error.code}"` };
  if (error.code === 'invalid_dpop_proof' || error.code === 'use_dpop_nonce')
    return { 'www-authenticate': `DPoP error="${error.code}"`, ...dpopNonce(error) };
  return error.code === 'UNAUTHENTICATED' ? { 'www-authenticate': 'Bearer' } : {};
}
