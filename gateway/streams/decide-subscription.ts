import { SecurityError } from '@aduana/core/errors/security-error';
import type { Authorize } from '../authorize/create-authorizer.ts';
import type { CallerViews } from '../authorize/caller-views.ts';
import type { CallerRights } from '../authorize/rights.ts';
import type { Validate } from '../documents/validate.ts';
import {
  type CompiledSubscription,
  type CompileSubscription,
} from '../execute/subscription/compile-subscription.ts';
import type { GraphqlRequest } from '../http/graphql-request.ts';
import type { Plan, Planned } from '../planner/plan.ts';
import type { Authorized, Delegated, Narrowing, Validated } from '../stages.ts';
import type { Narrow } from '../subgraphs/narrow.ts';
import type { LoadedSupergraph } from '../supergraph/loaded-supergraph.ts';

type Granted = Pick<Narrowing, 'scopes' | 'policies'>;

/** The stages that decide of a subscription what they decide of a request. */
export interface DecidingStages {
  readonly validate: Validate;
  readonly authorize: Authorize;
  readonly views: CallerViews;
  readonly plan: Plan;
  readonly narrow: Narrow;
  readonly compile: CompileSubscription;
}

/** What a subscription's caller may have now, ready to be carried out. */
export interface DecidedSubscription {
  readonly authorized: Authorized;
  readonly compiled: CompiledSubscription;
  readonly narrowings: ReadonlyMap<string, Narrowing>;
}

/** What of an authorized subscription is carried out: a promise where another thread plans it. */
export function completeDecision(
  authorized: Authorized,
  supergraph: LoadedSupergraph,
  { plan, narrow, compile }: Pick<DecidingStages, 'plan' | 'narrow' | 'compile'>,
): DecidedSubscription | Promise<DecidedSubscription> {
  const complete = (planned: Planned | undefined): DecidedSubscription => {
    if (planned === undefined)
      throw new SecurityError('OPERATION_RESOLUTION_FAILURE', { detail: 'nothing is subscribed to' });
    return {
      authorized,
      compiled: compile(planned.plan, authorized, supergraph),
      narrowings: narrow(planned, authorized, supergraph),
    };
  };
  const planned = plan(authorized, supergraph);
  return planned instanceof Promise ? planned.then(complete) : complete(planned);
}

/** Whether nothing is left of a subscription. */
export function isRefused({ everythingRefused, rejected }: Authorized): boolean {
  return everythingRefused || rejected;
}

/** The same document once more, for the caller of this moment and perhaps another supergraph. */
export function validateAgain(
  delegated: Delegated,
  request: GraphqlRequest,
  supergraph: LoadedSupergraph,
  rights: CallerRights,
  { validate, views }: DecidingStages,
): Validated | Promise<Validated> {
  return validate(delegated, request, supergraph, () => views(supergraph, rights, delegated.caller));
}

/** Of the rights of now, those that the stream was opened with. */
export function withinOpened(now: CallerRights, opened: Authorized): CallerRights {
  return {
    authenticated: now.authenticated,
    holdsScope: (scope) => opened.scopes.has(scope) && now.holdsScope(scope),
    holdsPolicy: (name) => opened.policies.includes(name) && now.holdsPolicy(name),
    decisionOf: (missing) => now.decisionOf(missing),
    rolesAbout: (missing) => now.rolesAbout(missing),
    stepUpFor: (needed) => now.stepUpFor(needed),
  };
}

/** Whether two decisions let the same through, for the same token. */
export function isSame(one: Authorized, other: Authorized): boolean {
  if (one.caller.subjectToken !== other.caller.subjectToken) return false;
  if (one.shape === other.shape) return true;
  return (
    one.operationKey === other.operationKey && JSON.stringify(one.refusals) === JSON.stringify(other.refusals)
  );
}

/** Whether the caller still holds what narrowed tokens carry: of two alternatives it may have kept the other one. */
export function isHeld(narrowings: DecidedSubscription['narrowings'] | undefined, now: Authorized): boolean {
  const held = { scopes: [...now.scopes], policies: now.policies };
  return narrowings !== undefined && [...narrowings.values()].every((carried) => isWithin(carried, held));
}

/**
 * Whether the subgraph's stream has to be opened anew: its token does not carry what is needed now, or there is more to hold,
 * which may be all that is left later.
 */
export function needsReopening(
  { authorized, compiled, narrowings }: DecidedSubscription,
  effective: DecidedSubscription | undefined,
  now: Authorized,
): boolean {
  const { subgraph } = compiled.primary;
  const carried = narrowings.get(subgraph);
  const needed = effective?.narrowings.get(subgraph);
  if (carried !== undefined && needed !== undefined && !isWithin(needed, carried)) return true;
  return (
    [...now.scopes].some((scope) => !authorized.scopes.has(scope)) ||
    now.policies.some((name) => !authorized.policies.includes(name))
  );
}

function isWithin(some: Granted, all: Granted): boolean {
  return (
    some.scopes.every((scope) => all.scopes.includes(scope)) &&
    some.policies.every((name) => all.policies.includes(name))
  );
}

/** Whether the new supergraph refuses what the old one let through. */
export function refusesMore(wanted: Authorized, within: Authorized): boolean {
  const known = new Set(within.refusals.map(({ path }) => path.join('.')));
  return wanted.refusals.some(({ path }) => !known.has(path.join('.')));
}
