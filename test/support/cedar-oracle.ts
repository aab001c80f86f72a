import { createRequire } from 'node:module';
import type * as CedarModule from '@cedar-policy/cedar-wasm/nodejs';
import type { AccessRequest } from '@aduana/server-kit/iam/access-context';
import { INTERNAL_PERMISSIONS } from '@aduana/server-kit/iam/built-in-permissions';
import type { Condition, Rule, Sources } from '@aduana/server-kit/iam/policy';

const cedar = createRequire(import.meta.url)('@cedar-policy/cedar-wasm/nodejs') as typeof CedarModule;

/** When a condition holds, and when it fails: it does neither where the context lacks what it asks about. */
interface Verdict {
  readonly holds: string;
  readonly fails: string;
}

/** Asks Cedar the same question about the same policies. */
export type Oracle = (request: AccessRequest) => 'allow' | 'deny';

/** Translates policies to Cedar: roles are entities, wildcards the actions of the catalogue that they match. */
export function createCedarOracle(sources: Sources, name: string): Oracle {
  const policies = [...sources.roles.values()].flatMap((role) =>
    role.rules.flatMap((rule) => translateRule(role.name, rule, sources)),
  );
  const parsed = cedar.preparsePolicySet(name, { staticPolicies: policies.join('\n') });
  if (parsed.type === 'failure') throw new Error(JSON.stringify(parsed.errors));
  const roles = [...sources.roles.values()].map(({ name: id, inherits }) => ({
    uid: { type: 'Role', id },
    attrs: {},
    parents: inherits.map((parent) => ({ type: 'Role', id: parent })),
  }));
  return ({ subject, roles: held, action, context = {} }) => {
    const answer = cedar.statefulIsAuthorized({
      principal: { type: 'Subject', id: subject },
      action: { type: 'Action', id: action },
      resource: { type: 'Deployment', id: 'deployment' },
      context: toCedarContext(context),
      preparsedPolicySetId: name,
      entities: [
        ...roles,
        {
          uid: { type: 'Subject', id: subject },
          attrs: {},
          parents: held.map((id) => ({ type: 'Role', id })),
        },
      ],
    });
    if (answer.type === 'failure') throw new Error(JSON.stringify(answer.errors));
    if (answer.response.diagnostics.errors.length > 0)
      throw new Error(JSON.stringify(answer.response.diagnostics));
    return answer.response.decision;
  };
}

function translateRule(
  role: string,
  { effect, pattern, when, unless }: Rule,
  sources: Sources,
): readonly string[] {
  const actions = [...sources.permissions.keys()].filter(
    (permission) =>
      permission === pattern ||
      (toRegExp(pattern).test(permission) &&
        (effect === 'deny' || !INTERNAL_PERMISSIONS.includes(permission))),
  );
  if (actions.length === 0) return [];
  const asked = when.map((name) => translate(sources, name));
  const except = unless.map((name) => translate(sources, name));
  const applies = all([
    ...asked.map(({ holds }) => holds),
    ...(except.length === 0 ? [] : [any(except.map(({ fails }) => fails))]),
  ]);
  const spared = any([
    ...asked.map(({ fails }) => fails),
    ...(except.length === 0 ? [] : [all(except.map(({ holds }) => holds))]),
  ]);
  const head = `principal in Role::"${role}", action in [${actions.map((action) => `Action::"${action}"`).join(', ')}], resource`;
  return [
    effect === 'allow' ? `permit(${head}) when { ${applies} };` : `forbid(${head}) unless { ${spared} };`,
  ];
}

function toRegExp(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replace('**', '\u0000').replaceAll('*', '[^:]+').replace('\u0000', '.+')}$`);
}

function translate(sources: Sources, name: string): Verdict {
  const condition = sources.conditions.get(name);
  if (condition === undefined) throw new TypeError(name);
  const parts = partsOf(condition, (other) => translate(sources, other));
  return { holds: all(parts.map(({ holds }) => holds)), fails: any(parts.map(({ fails }) => fails)) };
}

function partsOf(condition: Condition, named: (name: string) => Verdict): readonly Verdict[] {
  const parts: (Verdict | undefined)[] = [
    condition.mtls === undefined ? undefined : about('mtls', `context.mtls == ${String(condition.mtls)}`),
    condition.proofOfPossession === undefined
      ? undefined
      : about('pop', `context.pop == ${String(condition.proofOfPossession)}`),
    condition.cidr &&
      about('address', any(condition.cidr.map((range) => `context.address.isInRange(ip("${range}"))`))),
    condition.authentication &&
      about('method', `${JSON.stringify(condition.authentication)}.contains(context.method)`),
    condition.environment &&
      about('environment', `${JSON.stringify(condition.environment)}.contains(context.environment)`),
    condition.spiffe &&
      about('spiffe', any(condition.spiffe.map((id) => `context.spiffe like "${id.replace('**', '*')}"`))),
    condition.delegation && about('actors', translateDelegation(condition.delegation)),
    condition.time && about('minute', translateTime(condition.time)),
    condition.rate && about(`rate_${condition.name}`, `context.rate_${condition.name}`),
    condition.allOf && {
      holds: all(condition.allOf.map((n) => named(n).holds)),
      fails: any(condition.allOf.map((n) => named(n).fails)),
    },
    condition.anyOf && {
      holds: any(condition.anyOf.map((n) => named(n).holds)),
      fails: all(condition.anyOf.map((n) => named(n).fails)),
    },
    condition.noneOf && {
      holds: all(condition.noneOf.map((n) => named(n).fails)),
      fails: any(condition.noneOf.map((n) => named(n).holds)),
    },
  ];
  return parts.filter((part) => part !== undefined);
}

function translateDelegation({ maxDepth, actors }: NonNullable<Condition['delegation']>): string {
  return all([
    ...(maxDepth === undefined ? [] : [`context.depth <= ${String(maxDepth)}`]),
    ...(actors === undefined ? [] : [`${JSON.stringify(actors)}.containsAll(context.actors)`]),
  ]);
}

/** For windows in UTC: a minute of the week, from Sunday. */
function translateTime({ days, from, to }: NonNullable<Condition['time']>): string {
  const names = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
  const opening = names.flatMap((name, day) => (days.length === 0 || days.includes(name) ? [day] : []));
  return any(
    opening.flatMap((day) => {
      const start = day * 1440 + from;
      const end = day * 1440 + (from < to ? to : to + 1440);
      return [0, 7 * 1440].map(
        (shift) => `(context.minute >= ${String(start - shift)} && context.minute < ${String(end - shift)})`,
      );
    }),
  );
}

function about(attribute: string, expression: string): Verdict {
  return {
    holds: `(context has ${attribute} && (${expression}))`,
    fails: `(context has ${attribute} && !(${expression}))`,
  };
}

function all(expressions: readonly string[]): string {
  return expressions.length === 0 ? 'true' : `(${expressions.join(' && ')})`;
}

function any(expressions: readonly string[]): string {
  return expressions.length === 0 ? 'false' : `(${expressions.join(' || ')})`;
}

function toCedarContext(
  context: NonNullable<AccessRequest['context']>,
): Record<string, CedarModule.CedarValueJson> {
  const {
    time,
    address,
    mtls,
    spiffeId,
    authenticationMethod,
    proofOfPossession,
    actors,
    environment,
    rates,
  } = context;
  const instant = typeof time === 'number' ? new Date(time) : undefined;
  const members = {
    mtls,
    pop: proofOfPossession,
    address: address === undefined ? undefined : { __extn: { fn: 'ip', arg: address } },
    method: authenticationMethod,
    environment,
    spiffe: spiffeId,
    actors: actors === undefined ? undefined : [...actors],
    depth: actors?.length,
    minute: instant && instant.getUTCDay() * 1440 + instant.getUTCHours() * 60 + instant.getUTCMinutes(),
    ...Object.fromEntries([...(rates ?? [])].map(([name, holds]) => [`rate_${name}`, holds])),
  };
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never;
}
