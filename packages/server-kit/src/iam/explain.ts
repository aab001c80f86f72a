import type { AccessContext, AccessRequest } from './access-context.ts';
import type { Engine } from './compile.ts';
import type { ReachedRule } from './compile-role.ts';
import type { Decision } from './decision.ts';
import { evaluate, verdicts } from './evaluate.ts';
import { describeStepUp, stepUpFor } from './step-up.ts';

export interface Explanation extends Decision {
  /** What would change the decision, in sentences. */
  readonly nearMisses: readonly string[];
}

const MOST_TOLD = 20;

/** A decision with what would have changed it. */
export function explain(engine: Engine, request: AccessRequest): Explanation {
  const decision = evaluate(engine, request);
  const nearMisses =
    decision.effect === 'allow' ? tellDenies(engine, request) : tellAllows(engine, request, decision);
  return { ...decision, nearMisses: nearMisses.slice(0, MOST_TOLD) };
}

/** Denies that do not apply now and could. */
function tellDenies(engine: Engine, { roles, action, context = {} }: AccessRequest): readonly string[] {
  return roles
    .flatMap((role) => engine.roles.get(role)?.candidates(action).denies ?? [])
    .map((deny) => `would be denied by ${describe(engine, deny, context)}`);
}

/** Rules that refuse it, rules that would allow it, and the roles that they allow it to. */
function tellAllows(engine: Engine, request: AccessRequest, decision: Decision): readonly string[] {
  const { roles, action, context = {} } = request;
  if (decision.reason === 'unknown_permission')
    return [
      'nobody can hold this permission: name it under `permissions`, or in a role, in iam_policies.yaml',
    ];
  const held = roles.flatMap((role) => engine.roles.get(role)?.candidates(action) ?? []);
  const denies = held
    .flatMap((candidates) => candidates.denies)
    .filter(({ guard }) => guard?.(context) !== false);
  const allows = held.flatMap((candidates) => candidates.allows);
  const login = stepUpFor(
    engine,
    context,
    (other) => evaluate(engine, { ...request, context: other }).effect === 'allow',
  );
  const nearMisses = [
    ...(login === undefined ? [] : [`would be allowed after ${describeStepUp(login)}`]),
    ...denies.map((deny) => `is denied by ${describe(engine, deny, context)}`),
    ...allows
      .filter(({ guard }) => guard !== undefined && guard(context) !== true)
      .map((allow) => `would be allowed by ${describe(engine, allow, context)}`),
  ];
  if (allows.length > 0) return nearMisses;
  const others = [...engine.roles].flatMap(([role, compiled]) => {
    const [allow] = roles.includes(role) ? [] : compiled.candidates(action).allows;
    return allow === undefined
      ? []
      : [`would be allowed to the role ${role} by ${describe(engine, allow, context)}`];
  });
  return [...nearMisses, ...others];
}

/** A rule, its place in the files, and the state of its conditions now. */
function describe(engine: Engine, { rule }: ReachedRule, context: AccessContext): string {
  const results = verdicts(engine, rule, context).map(({ name, holds }, index) => {
    const now = holds === undefined ? 'is unknown' : holds ? 'holds' : 'does not hold';
    return `${index < rule.when.length ? 'when' : 'unless'} ${name} (${now})`;
  });
  return [`${rule.id} (${rule.location})`, ...results].join(', ');
}
