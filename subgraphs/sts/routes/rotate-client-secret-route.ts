import type { AuditActor } from '@aduana/client/audit/audit-event';
import { SecurityError } from '@aduana/core/errors/security-error';
import { auditTrace } from '@aduana/server-kit/http/audit-trace';
import { requirePeer } from '@aduana/core/http/require-peer';
import type { Route } from '@aduana/core/http/route';
import { type CallerOptions, requirePermission } from '../clients/authorize-caller.ts';
import type { SecretRotation, SecretRotationOrder } from '../clients/rotate-client-secret.ts';
import { jsonResponse, readParameters } from './read-parameters.ts';

const LONGEST_GRACE_SECONDS = 30 * 86_400;

/**
 * `POST /sts/rotate-client-secret`, for the admin service: `{ service_id, grace_seconds, reason, reveal?, idempotency_key?, subject?, actors? }`,
 * the last two for whom it acts; answers `{ version, secret, grace_until }`: the secret null without `reveal: "true"`, for
 * whoever lost a race or repeats a request, the last in RFC 3339 or null.
 */
export function createRotateClientSecretRoute(
  rotate: (order: SecretRotationOrder) => Promise<SecretRotation>,
  peers: ReadonlySet<string>,
  callers: CallerOptions,
): Route {
  return {
    method: 'POST',
    path: '/sts/rotate-client-secret',
    async handle(request) {
      requirePeer(request, peers);
      const { id, actor } = await requirePermission(request, 'sts:secrets:rotate', callers);
      const parameters = await readParameters(request);
      const service = callers.clients.policies().services.get(parameters.get('service_id') ?? '');
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
        actor: onBehalfOf(actor, id ?? actor.sub, parameters),
        trace: auditTrace(request.trace),
      });
      return jsonResponse({
        version,
        secret: parameters.get('reveal') === 'true' ? (secret?.reveal() ?? null) : null,
        grace_until: graceUntil === undefined ? null : new Date(graceUntil).toISOString(),
      });
    },
  };
}

/** Whoever decided is the event's subject; the caller is the outermost of those who act for it. */
function onBehalfOf(caller: AuditActor, id: string, parameters: ReadonlyMap<string, string>): AuditActor {
  const subject = parameters.get('subject');
  if (subject === undefined) return caller;
  const actors = parameters.get('actors')?.split(' ') ?? [];
  return { ...caller, sub: subject, act: [id, ...actors] };
}
