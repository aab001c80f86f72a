import type { AuditActor } from '@aduana/client/audit/audit-event';
import { SecurityError } from '@aduana/core/errors/security-error';
import { auditTrace } from '@aduana/server-kit/http/audit-trace';
import { requirePeer } from '@aduana/core/http/require-peer';
import type { Route } from '@aduana/core/http/route';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import type { VerifyAccessToken } from '@aduana/core/tokens/verify-access-token';
import { actorOfToken } from '@aduana/server-kit/http/token-actor';
import { type CallerOptions, contextOf, requirePermission } from '../clients/authorize-caller.ts';
import { maySeeSecret } from '../clients/may-see-secret.ts';
import { verifyDecider } from '../clients/verify-decider.ts';
import type { SecretRotation, SecretRotationOrder } from '../clients/rotate-client-secret.ts';
import { jsonResponse, readParameters } from './read-parameters.ts';

const LONGEST_GRACE_SECONDS = 30 * 86_400;

const PERMISSION = 'iam:secrets:rotate';

/**
 * `POST /sts/rotate-client-secret`, for the admin service: `{ service_id, grace_seconds, reason, subject_token, idempotency_key? }`,
 * with the token by which the decider asked it; answers `{ version, secret, grace_until }`: the secret null for a decider
 * who may not see it, lost a race or repeats a request, the last in RFC 3339 or null.
 *
 * @param verifyAny verifies tokens of the STS whatever their audience
 */
export function createRotateClientSecretRoute(
  rotate: (order: SecretRotationOrder) => Promise<SecretRotation>,
  peers: ReadonlySet<string>,
  callers: CallerOptions,
  verifyAny: VerifyAccessToken,
): Route {
  return {
    method: 'POST',
    path: '/sts/rotate-client-secret',
    async handle(request) {
      const engine = callers.clients.policies();
      const relay = engine.serviceBySpiffeId(requirePeer(request, peers).spiffeId)?.id;
      const { actor } = await requirePermission(request, 'sts:secrets:rotate', callers);
      const parameters = await readParameters(request);
      const token = parameters.get('subject_token');
      if (relay === undefined || token === undefined)
        throw new SecurityError('BAD_REQUEST', { detail: 'no token of who decided' });
      const decider = await verifyDecider(token, { service: relay, permission: PERMISSION }, verifyAny);
      const service = engine.services.get(parameters.get('service_id') ?? '');
      if (service === undefined) throw new SecurityError('UNKNOWN_SERVICE');
      const graceSeconds = Number(parameters.get('grace_seconds') ?? NaN);
      if (!Number.isInteger(graceSeconds) || graceSeconds < 0 || graceSeconds > LONGEST_GRACE_SECONDS)
        throw new SecurityError('BAD_REQUEST', { detail: 'grace_seconds' });
      const reason = parameters.get('reason') ?? '';
      const { version, secret, graceUntil } = await rotate({
        service: service.id,
        graceSeconds,
        reason,
        idempotencyKey: parameters.get('idempotency_key'),
        actor: onBehalfOf(decider, actor, relay),
        trace: auditTrace(request.trace),
      });
      const context = { time: callers.clock.now(), mtls: true, ...contextOf(decider) };
      const shown = maySeeSecret(service, decider, engine, context) ? secret : undefined;
      return jsonResponse({
        version,
        secret: shown?.reveal() ?? null,
        grace_until: graceUntil === undefined ? null : new Date(graceUntil).toISOString(),
      });
    },
  };
}

/** Whoever decided is the event's subject; the caller is the outermost of those who act for it. */
function onBehalfOf(decider: AccessTokenClaims, caller: AuditActor, relay: string): AuditActor {
  const { sub, act } = actorOfToken(decider);
  return { ...caller, sub, act: [relay, ...act] };
}
