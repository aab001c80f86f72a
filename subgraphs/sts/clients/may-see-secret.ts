import type { AccessContext } from '@aduana/server-kit/iam/access-context';
import type { Engine } from '@aduana/server-kit/iam/compile';
import { evaluate } from '@aduana/server-kit/iam/evaluate';
import { evaluatePolicy } from '@aduana/server-kit/iam/evaluate-policy';
import { grantableScopes } from '@aduana/server-kit/iam/grants';
import type { Service } from '@aduana/server-kit/iam/policy';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';

/**
 * Whether a caller gains nothing by a service's secret: it holds every permission of the service's roles itself, now,
 * and no policy names the service, or a role of it, that does not name the caller as well. What a service may exchange is
 * nobody else's permission, so the secret of one that may is shown to nobody.
 */
export function maySeeSecret(
  service: Service,
  { sub, sub_kind: kind, sub_iss: issuer, roles: granted }: AccessTokenClaims,
  engine: Engine,
  context: AccessContext,
): boolean {
  if (service.exchange !== undefined) return false;
  const registered = kind === 'service' ? (engine.services.get(sub)?.roles ?? []) : granted;
  const roles = granted.filter((role) => registered.includes(role));
  const held = new Set(grantableScopes(engine, roles));
  const caller = { subject: sub, issuer: kind === 'user' ? issuer : undefined, roles, context };
  const holdsItsScopes = grantableScopes(engine, service.roles).every(
    (action) => held.has(action) && evaluate(engine, { ...caller, action }).effect === 'allow',
  );
  const itself = { subject: service.id, roles: service.roles, context };
  return (
    holdsItsScopes &&
    [...engine.policies.keys()].every(
      (name) => !names(evaluatePolicy(engine, name, itself)) || names(evaluatePolicy(engine, name, caller)),
    )
  );
}

/** Whether a policy is about this subject, at whatever time and place its conditions hold. */
function names({ reason }: ReturnType<typeof evaluatePolicy>): boolean {
  return reason === 'holds' || reason === 'condition';
}
