import { SecurityError } from '@aduana/core/errors/security-error';
import type { Route, ServiceRequest } from '@aduana/core/http/route';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import type { VerifyAccessToken } from '@aduana/core/tokens/verify-access-token';
import { authenticateCaller, type Caller, type CallerOptions } from '../clients/authorize-caller.ts';
import { readTokenForm } from '../forms/token-form.ts';
import { oauthErrorResponse } from './oauth-error.ts';
import { jsonResponse } from './read-parameters.ts';

/**
 * `POST /sts/introspect` (RFC 7662): what a token says, for those who hold `sts:tokens:introspect` and for its own
 * audience; for anybody else, and for a token that does not hold, `{"active":false}` and nothing more.
 *
 * @param verifyAny verifies tokens of the STS whatever their audience
 */
export function createIntrospectRoute(verifyAny: VerifyAccessToken, callers: CallerOptions): Route {
  return {
    method: 'POST',
    path: '/sts/introspect',
    async handle(request) {
      try {
        const form = await readTokenForm(request);
        const caller = await authenticateCaller(request, form, callers);
        const token = form.get('token');
        if (token === undefined) throw new SecurityError('invalid_request', { detail: 'token is required' });
        return jsonResponse(await introspect(token, caller, verifyAny));
      } catch (error) {
        rethrowBearerFailure(error, request);
        return oauthErrorResponse(error, request);
      }
    },
  };
}

/** A Bearer credential that fails is answered in the terms of RFC 6750; everything else is the client's failure. */
export function rethrowBearerFailure(error: unknown, { headers }: ServiceRequest): void {
  if (error instanceof SecurityError && error.code === 'invalid_token' && headers.authorization !== undefined)
    throw error;
}

async function introspect(token: string, caller: Caller, verifyAny: VerifyAccessToken) {
  const claims = await verifyAny(token).then(
    (verified) => verified.claims,
    (error: unknown) => {
      if (error instanceof SecurityError && error.code === 'invalid_token') return undefined;
      throw error;
    },
  );
  if (claims === undefined) return { active: false };
  if (claims.aud !== caller.id && !caller.holds('sts:tokens:introspect')) return { active: false };
  return { active: true, token_type: tokenTypeOf(claims), ...claims };
}

function tokenTypeOf({ cnf }: AccessTokenClaims): 'Bearer' | 'DPoP' {
  return cnf?.jkt === undefined ? 'Bearer' : 'DPoP';
}
