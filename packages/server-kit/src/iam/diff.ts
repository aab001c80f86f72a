import type { AccessRequest } from './access-context.ts';
import type { Engine } from './compile.ts';
import type { Decision, PolicyDecision } from './decision.ts';
import { evaluate } from './evaluate.ts';
import { evaluatePolicy } from './evaluate-policy.ts';

/** A question whose answer two sets of policies may disagree on. */
export type Question = Omit<AccessRequest, 'action'> & { readonly action?: string; readonly policy?: string };

export interface DecisionChange {
  readonly question: Question;
  readonly before: Decision | PolicyDecision;
  readonly after: Decision | PolicyDecision;
}

/** The questions that the second set answers otherwise. */
export function diffDecisions(
  before: Engine,
  after: Engine,
  questions: Iterable<Question>,
): readonly DecisionChange[] {
  const changes: DecisionChange[] = [];
  for (const question of questions) {
    const [was, is] = [ask(before, question), ask(after, question)];
    if (was.effect !== is.effect) changes.push({ question, before: was, after: is });
  }
  return changes;
}

/** Every service and every role of either set, asked about every permission and policy of either, in this context. */
export function everyQuestion(
  before: Engine,
  after: Engine,
  context: AccessRequest['context'] = {},
): readonly Question[] {
  const engines = [before, after];
  const subjects = new Map<string, readonly string[]>();
  for (const { services, roles } of engines) {
    for (const { id, roles: held } of services.values()) subjects.set(id, held);
    for (const role of roles.keys()) subjects.set(`role ${role}`, [role]);
  }
  const actions = new Set(engines.flatMap(({ catalogue }) => [...catalogue]));
  const policies = new Set(engines.flatMap((engine) => [...engine.policies.keys()]));
  return [...subjects].flatMap(([subject, roles]) => [
    ...[...actions].sort().map((action) => ({ subject, roles, action, context })),
    ...[...policies].sort().map((policy) => ({ subject, roles, policy, context })),
  ]);
}

/** A service's roles are those that the set at hand gives it; they are part of what may change. */
function ask(
  engine: Engine,
  { subject, issuer, roles, action, policy, context = {} }: Question,
): Decision | PolicyDecision {
  const own = issuer === undefined ? engine.services.get(subject)?.roles : undefined;
  const asked = { subject, issuer, roles: own ?? roles, context };
  return policy === undefined
    ? evaluate(engine, { ...asked, action: action ?? '' })
    : evaluatePolicy(engine, policy, asked);
}
