import type { AccessContext, AccessRequest } from './access-context.ts';
import type { Engine } from './compile.ts';
import type { ReachedRule } from './compile-role.ts';
import type { ConditionResult, Decision, Obligations } from './decision.ts';
import type { Constraints, Rule } from './policy.ts';

const NOTHING_KNOWN: AccessContext = {};
const NO_OBLIGATIONS: Obligations = { maxTtlSeconds: undefined, scopeCeilings: [], audiences: undefined };

/**
 * Decides whether a subject that holds these roles may do this now: a deny over an allow, an allow over nothing.
 * Of a condition that cannot be evaluated: an allow does not apply, a deny applies.
 */
export function evaluate(engine: Engine, request: AccessRequest): Decision {
  return evaluateAlways(engine, request.roles, request.action) ?? decide(engine, request);
}

/** The decision where one role has it without conditions, so that it is the same for every request; else undefined. */
export function evaluateAlways(
  engine: Engine,
  roles: readonly string[],
  action: string,
): Decision | undefined {
  const [role = ''] = roles;
  const candidates =
    roles.length === 1 && engine.catalogue.has(action) && engine.roles.get(role)?.candidates(action);
  if (!candidates || candidates.conditional) return undefined;
  const known = engine.settled.get(candidates);
  if (known !== undefined) return known;
  const decision = decide(engine, { roles, action });
  engine.settled.set(candidates, decision);
  return decision;
}

function decide(
  engine: Engine,
  { roles, action, context = NOTHING_KNOWN }: Pick<AccessRequest, 'roles' | 'action' | 'context'>,
): Decision {
  if (!engine.catalogue.has(action)) return refuse(engine, action, 'unknown_permission');
  const granting: ReachedRule[] = [];
  for (const name of roles) {
    const role = engine.roles.get(name);
    if (role === undefined) continue;
    const { denies, allows } = role.candidates(action);
    for (const reached of denies)
      if (reached.guard === undefined || reached.guard(context) !== false)
        return conclude(engine, action, context, reached, NO_OBLIGATIONS);
    for (const reached of allows)
      if (reached.guard === undefined || reached.guard(context) === true) granting.push(reached);
  }
  const [first] = granting;
  if (first === undefined) return refuse(engine, action, 'no_rule');
  return conclude(engine, action, context, first, gather(granting));
}

function conclude(
  engine: Engine,
  action: string,
  context: AccessContext,
  { rule, rolePath }: ReachedRule,
  obligations: Obligations,
): Decision {
  return {
    effect: rule.effect,
    action,
    reason: 'rule',
    rule: rule.id,
    location: rule.location,
    rolePath,
    conditions: verdicts(engine, rule, context),
    obligations,
    policySha256: engine.sha256,
  };
}

function refuse(engine: Engine, action: string, reason: Decision['reason']): Decision {
  return {
    effect: 'deny',
    action,
    reason,
    rule: undefined,
    location: undefined,
    rolePath: [],
    conditions: [],
    obligations: NO_OBLIGATIONS,
    policySha256: engine.sha256,
  };
}

/** The verdict of each condition that a rule or policy names. */
export function verdicts(
  engine: Engine,
  { when, unless }: Pick<Rule, 'when' | 'unless'>,
  context: AccessContext,
): readonly ConditionResult[] {
  return [...when, ...unless].map((name) => ({ name, holds: engine.checks.get(name)?.(context) }));
}

function gather(granting: readonly ReachedRule[]): Obligations {
  const limits = granting.flatMap(({ constraints }) => constraints);
  return limits.length === 0 ? NO_OBLIGATIONS : limits.reduce(narrow, NO_OBLIGATIONS);
}

function narrow(obligations: Obligations, { maxTtlSeconds, scopes, audiences }: Constraints): Obligations {
  const { maxTtlSeconds: known = Infinity, scopeCeilings, audiences: agreed } = obligations;
  const least = Math.min(known, maxTtlSeconds ?? Infinity);
  return {
    maxTtlSeconds: least === Infinity ? undefined : least,
    scopeCeilings: scopes === undefined ? scopeCeilings : [...scopeCeilings, scopes],
    audiences:
      audiences === undefined ? agreed : (agreed ?? audiences).filter((name) => audiences.includes(name)),
  };
}
