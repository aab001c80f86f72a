import type { Rights } from '@aduana/core/graphql/requirement';
import type { AccessContext } from '@aduana/core/iam/access-context';
import type { Engine } from '@aduana/core/iam/compile';
import { evaluate } from '@aduana/core/iam/evaluate';
import { evaluatePolicy } from '@aduana/core/iam/evaluate-policy';
import type { Clock } from '@aduana/core/platform/clock';
import { actorsOf } from '@aduana/core/tokens/parse-access-token-claims';
import type { Caller } from './stages.ts';

/**
 * What a caller may do at this moment: a scope is held where the caller's token carries it and the engine allows it for
 * this request's time, address and way of authentication. Each question is asked of the engine once.
 */
export function rightsOf(caller: Caller, engine: Engine, clock: Clock): Rights {
  const { claims } = caller;
  const context = contextOf(caller, clock);
  const granted = new Set(claims.scope.split(' '));
  const subject = claims.sub;
  const roles = claims.roles;
  const scopes = new Map<string, boolean>();
  const policies = new Map<string, boolean>();
  return {
    authenticated: true,
    holdsScope: (scope) =>
      granted.has(scope) &&
      remembered(scopes, scope, () => {
        return evaluate(engine, { subject, roles, action: scope, context }).effect === 'allow';
      }),
    holdsPolicy: (name) =>
      remembered(policies, name, () => {
        return evaluatePolicy(engine, name, { subject, roles, context }).effect === 'allow';
      }),
  };
}

function contextOf(caller: Caller, clock: Clock): AccessContext {
  const { claims, certificateThumbprint } = caller;
  return {
    time: clock.now(),
    address: caller.address,
    mtls: certificateThumbprint !== undefined,
    ...(caller.spiffeId === undefined ? {} : { spiffeId: caller.spiffeId }),
    authenticationMethod: caller.method,
    proofOfPossession: claims.cnf !== undefined || caller.method === 'x509_svid',
    actors: actorsOf(claims.act),
  };
}

function remembered(known: Map<string, boolean>, name: string, decide: () => boolean): boolean {
  const before = known.get(name);
  if (before !== undefined) return before;
  const decided = decide();
  known.set(name, decided);
  return decided;
}
