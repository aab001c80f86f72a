import type { AccessRequest } from './access-context.ts';
import type { Engine } from './compile.ts';
import type { PolicyDecision } from './decision.ts';
import { verdicts } from './evaluate.ts';

/** Whether the named policy of `@policy(policies: [["name"]])` holds for this request: an unknown name never does. */
export function evaluatePolicy(
  engine: Engine,
  name: string,
  { subject, issuer, roles, context = {} }: Omit<AccessRequest, 'action'>,
): PolicyDecision {
  const compiled = engine.policies.get(name);
  const policySha256 = engine.sha256;
  if (compiled === undefined)
    return {
      effect: 'deny',
      policy: name,
      reason: 'unknown_policy',
      location: undefined,
      conditions: [],
      policySha256,
    };
  const { policy, guard } = compiled;
  const { location } = policy;
  const conditions = verdicts(engine, policy, context);
  const refuse = (reason: PolicyDecision['reason']): PolicyDecision => ({
    effect: 'deny',
    policy: name,
    reason,
    location,
    conditions,
    policySha256,
  });
  const held = (wanted: string): boolean =>
    roles.some((role) => engine.roles.get(role)?.held.has(wanted) === true);
  if (policy.roles.length > 0 && !policy.roles.some(held)) return refuse('role_missing');
  const { subjects } = policy;
  if (subjects.length > 0 && !subjects.some((one) => one.sub === subject && one.issuer === issuer))
    return refuse('subject_missing');
  if (guard !== undefined && guard(context) !== true) return refuse('condition');
  return { effect: 'allow', policy: name, reason: 'holds', location, conditions, policySha256 };
}
