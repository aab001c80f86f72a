import { SecurityError } from '@aduana/core/errors/security-error';
import type { Route } from '@aduana/core/http/route';
import type { VerifyAccessToken } from '@aduana/core/tokens/verify-access-token';
import { authenticateCaller, type CallerOptions } from '../clients/authorize-caller.ts';
import type { RevocationOrder } from '../token/revoke-token.ts';
import { readTokenForm } from '../forms/token-form.ts';
import { rethrowBearerFailure } from './introspect-route.ts';
import { oauthErrorResponse } from './oauth-error.ts';

/** `POST /sts/revoke` (RFC 7009): 200 whether or not the token was one; that of another client stays untouched. */
export function createRevokeRoute(
  revoke: (order: RevocationOrder) => Promise<unknown>,
  verifyAny: VerifyAccessToken,
  callers: CallerOptions,
): Route {
  return {
    method: 'POST',
    path: '/sts/revoke',
    async handle(request) {
      try {
        const form = await readTokenForm(request);
        const { id, actor } = await authenticateCaller(request, form, callers);
        const token = form.get('token');
        if (token === undefined) throw new SecurityError('invalid_request', { detail: 'token is required' });
        const claims = await verifyAny(token).then(
          (verified) => verified.claims,
          (error: unknown) => {
            if (error instanceof SecurityError && error.code === 'invalid_token') return undefined;
            throw error;
          },
        );
        const own = claims?.client_id === id || (claims?.sub_kind === 'service' && claims.sub === id);
        if (claims !== undefined && own)
          await revoke({ jti: claims.jti, exp: claims.exp, reason: 'revoked by its client', actor });
        return { status: 200, headers: { 'cache-control': 'no-store' } };
      } catch (error) {
        rethrowBearerFailure(error, request);
        return oauthErrorResponse(error, request);
      }
    },
  };
}
