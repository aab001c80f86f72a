import { SecurityError } from '@aduana/core/errors/security-error';
import { auditTrace } from '@aduana/server-kit/http/audit-trace';
import type { Route } from '@aduana/core/http/route';
import { type CallerOptions, requirePermission } from '../clients/authorize-caller.ts';
import type { KeyRotation, RotationOrder } from '../keys/key-rotation.ts';
import { jsonResponse, readParameters } from './read-parameters.ts';

/** `POST /sts/rotate-keys`: `{ mode, reason, kid?, idempotencyKey? }` as JSON or form; answers a `KeyRotation`. */
export function createRotateKeysRoute(
  rotate: (order: RotationOrder) => Promise<KeyRotation>,
  callers: CallerOptions,
): Route {
  return {
    method: 'POST',
    path: '/sts/rotate-keys',
    async handle(request) {
      const { actor } = await requirePermission(request, 'sts:keys:rotate', callers);
      const parameters = await readParameters(request);
      const mode = (parameters.get('mode') ?? 'SCHEDULED').toUpperCase();
      if (mode !== 'SCHEDULED' && mode !== 'NOW' && mode !== 'COMPROMISED')
        throw new SecurityError('BAD_REQUEST', { detail: 'unknown mode' });
      const rotation = await rotate({
        mode,
        reason: parameters.get('reason') ?? '',
        kid: parameters.get('kid'),
        idempotencyKey: parameters.get('idempotencyKey'),
        actor,
        trace: auditTrace(request.trace),
      });
      return jsonResponse(rotation);
    },
  };
}
