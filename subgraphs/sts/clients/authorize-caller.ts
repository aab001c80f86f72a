import { actorOfToken } from '@aduana/core/http/token-actor';
import type { AuditActor } from '@aduana/core/audit/audit-event';
import { SecurityError } from '@aduana/core/errors/security-error';
import { requireAccessToken, shownToken } from '@aduana/core/http/require-access-token';
import type { ServiceRequest } from '@aduana/core/http/route';
import { evaluate } from '@aduana/core/iam/evaluate';
import { grantableScopes } from '@aduana/core/iam/grants';
import type { Clock } from '@aduana/core/platform/clock';
import { actorsOf } from '@aduana/core/tokens/parse-access-token-claims';
import type { VerifyAccessToken } from '@aduana/core/tokens/verify-access-token';
import type { TokenForm } from '../token/token-form.ts';
import { authenticateClient, type ClientAuthenticationOptions } from './authenticate-client.ts';

export interface CallerOptions {
  readonly clients: ClientAuthenticationOptions;
  /** Of tokens for the audience `sts`. */
  readonly verify: VerifyAccessToken;
  readonly clock: Clock;
}

/** Who calls an endpoint of the STS, with the permissions that a credential of this kind carries at most. */
export interface Caller {
  readonly id: string;
  readonly actor: AuditActor;
  /** Whether the caller holds the permission, and policy allows it for this request. */
  holds(permission: string): boolean;
}

const NO_FORM: TokenForm = { get: () => undefined, all: () => [] };

/**
 * Authenticates a caller by a Bearer token for `sts`, as a client by `form`, by Basic, or by its certificate.
 *
 * @throws SecurityError `UNAUTHENTICATED`, `invalid_token`, `invalid_client`
 */
export async function authenticateCaller(
  request: ServiceRequest,
  form: TokenForm | undefined,
  { clients, verify, clock }: CallerOptions,
): Promise<Caller> {
  const connection = {
    time: clock.now(),
    address: request.remoteAddress,
    mtls: request.peer !== undefined,
    ...(request.peer === undefined ? {} : { spiffeId: request.peer.spiffeId }),
  };
  const engine = clients.policies();
  if (shownToken(request) !== undefined) {
    const { claims, scopes } = await requireAccessToken(request, verify, {
      bindingRequired: false, // Basic serves here as well; a token that is bound is still held to it
    });
    const context = {
      ...connection,
      authenticationMethod: claims.amr[0] ?? '',
      proofOfPossession: claims.cnf !== undefined,
      actors: actorsOf(claims.act),
    };
    return {
      id: claims.sub,
      actor: actorOfToken(claims),
      holds: (action) =>
        scopes.has(action) &&
        evaluate(engine, { subject: claims.sub, roles: claims.roles, action, context }).effect === 'allow',
    };
  }
  const { service, method } = await authenticateClient(request, form ?? NO_FORM, clients);
  const held = new Set(grantableScopes(engine, service.roles));
  const context = {
    ...connection,
    authenticationMethod: method,
    proofOfPossession: method === 'tls_client_auth',
    actors: [],
  };
  return {
    id: service.id,
    actor: {
      sub: service.id,
      client_id: service.id,
      act: [],
      auth_method: method,
      cert_thumbprint: request.peer?.thumbprint ?? null,
    },
    holds: (action) =>
      held.has(action) &&
      evaluate(engine, { subject: service.id, roles: service.roles, action, context }).effect === 'allow',
  };
}

/** @throws SecurityError `FORBIDDEN` for a caller that does not hold the permission, and as `authenticateCaller` */
export async function requirePermission(
  request: ServiceRequest,
  permission: string,
  options: CallerOptions,
): Promise<Caller> {
  const caller = await authenticateCaller(request, undefined, options);
  if (!caller.holds(permission)) throw new SecurityError('FORBIDDEN', { detail: `lacks ${permission}` });
  return caller;
}
