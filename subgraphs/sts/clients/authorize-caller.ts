import type { AccessContext } from '@aduana/server-kit/iam/access-context';
import { loginOf } from '@aduana/server-kit/iam/login-of';
import { actorOfToken } from '@aduana/server-kit/http/token-actor';
import type { AuditActor } from '@aduana/client/audit/audit-event';
import { SecurityError } from '@aduana/core/errors/security-error';
import { requireAccessToken, shownToken } from '@aduana/core/http/require-access-token';
import type { ServiceRequest } from '@aduana/core/http/route';
import type { Engine } from '@aduana/server-kit/iam/compile';
import { evaluate } from '@aduana/server-kit/iam/evaluate';
import { grantableScopes } from '@aduana/server-kit/iam/grants';
import type { Clock } from '@aduana/core/platform/clock';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import { actorsOf } from '@aduana/core/tokens/parse-access-token-claims';
import type { VerifyAccessToken } from '@aduana/core/tokens/verify-access-token';
import type { TokenForm } from '../forms/token-form.ts';
import { authenticateClient, type ClientAuthenticationOptions } from './authenticate-client.ts';

export interface CallerOptions {
  readonly clients: ClientAuthenticationOptions;
  /** Of tokens for the audience `sts`. */
  readonly verify: VerifyAccessToken;
  readonly clock: Clock;
}

/** Who calls an endpoint of the STS, with the permissions that a credential of this kind carries at most. */
export interface Caller {
  /** The service that calls; undefined for a user, whose name may be that of a service. */
  readonly id: string | undefined;
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
    ...(request.peer === undefined ? {} : { spiffeId: request.peer.spiffeId }),
  };
  const engine = clients.policies();
  if (shownToken(request) !== undefined) {
    const { claims, scopes } = await requireAccessToken(request, verify, {
      bindingRequired: false, // Basic serves here as well; a token that is bound is still held to it
    });
    const id = claims.sub_kind === 'service' ? claims.sub : undefined;
    const context = {
      ...connection,
      mtls: id !== undefined && isCertificateOf(id, request, engine),
      ...contextOf(claims),
    };
    const issuer = claims.sub_kind === 'user' ? claims.sub_iss : undefined;
    return {
      id,
      actor: actorOfToken(claims),
      holds: (action) =>
        scopes.has(action) &&
        evaluate(engine, { subject: claims.sub, issuer, roles: claims.roles, action, context }).effect ===
          'allow',
    };
  }
  const { service, method, certificateThumbprint } = await authenticateClient(
    request,
    form ?? NO_FORM,
    clients,
  );
  const held = new Set(grantableScopes(engine, service.roles));
  const context = {
    ...connection,
    mtls: certificateThumbprint !== undefined,
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

/** What a token says of how its subject got it. */
export function contextOf(claims: AccessTokenClaims): AccessContext {
  return {
    authenticationMethod: claims.amr[0] ?? '',
    proofOfPossession: claims.cnf !== undefined,
    actors: actorsOf(claims.act),
    ...loginOf(claims),
  };
}

/** A certificate counts for the service that it belongs to, whoever else's credential is shown beside it. */
function isCertificateOf(id: string, { peer }: ServiceRequest, engine: Engine): boolean {
  return peer !== undefined && engine.serviceBySpiffeId(peer.spiffeId)?.id === id;
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
