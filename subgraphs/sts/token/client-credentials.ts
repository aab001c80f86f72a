import type { Engine } from '@aduana/server-kit/iam/compile';
import { type Clock, epochSeconds } from '@aduana/core/platform/clock';
import type { Confirmation } from '@aduana/core/tokens/access-token';
import type { AuthenticatedClient } from '../clients/authenticate-client.ts';
import { DEFAULT_LIFETIME_SECONDS, narrowScope } from './narrow-scope.ts';
import { requestedAudience } from './requested-audience.ts';
import { parseScope, type TokenForm } from '../forms/token-form.ts';
import type { TokenGrant } from './token-issuer.ts';

export interface GrantContext {
  readonly issuer: string;
  readonly clock: Clock;
  readonly engine: Engine;
}

/**
 * A token for the client itself (RFC 6749 section 4.4): `sub` is the client.
 *
 * @throws SecurityError `invalid_scope`, `invalid_target`
 */
export function grantClientCredentials(
  form: TokenForm,
  { service, method, certificateThumbprint }: AuthenticatedClient,
  { issuer, clock, engine }: GrantContext,
): TokenGrant {
  const audience = requestedAudience(form, engine, service.token.audiences);
  const { scopes, lifetimeSeconds } = narrowScope(
    { roles: service.roles, within: undefined, asked: parseScope(form.get('scope')), audience },
    engine,
  );
  const now = epochSeconds(clock);
  const bound: Confirmation | undefined =
    method === 'tls_client_auth' && certificateThumbprint !== undefined
      ? { 'x5t#S256': certificateThumbprint }
      : undefined;
  return {
    aud: audience,
    sub: service.id,
    client_id: service.id,
    exp: now + Math.min(lifetimeSeconds, service.token.maxTtlSeconds ?? DEFAULT_LIFETIME_SECONDS),
    scope: scopes.join(' '),
    roles: service.roles,
    amr: [method],
    auth_time: now,
    sub_kind: 'service',
    sub_iss: issuer,
    ...(bound === undefined ? {} : { cnf: bound }),
  };
}
