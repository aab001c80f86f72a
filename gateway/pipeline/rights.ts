import type { Rights } from '@aduana/core/graphql/requirement';
import type { AccessContext } from '@aduana/core/iam/access-context';
import type { Engine } from '@aduana/core/iam/compile';
import type { Decision, PolicyDecision } from '@aduana/core/iam/decision';
import { evaluate } from '@aduana/core/iam/evaluate';
import { evaluatePolicy } from '@aduana/core/iam/evaluate-policy';
import { actorsOf } from '@aduana/core/tokens/parse-access-token-claims';
import type { Caller } from './stages.ts';

/** A caller's rights, with the decisions that made them. */
export interface CallerRights extends Rights {
  /**
   * Why a refused field's `scope NAME` or `policy NAME` was not held.
   *
   * @returns undefined where the caller's token does not carry the scope
   */
  decisionOf(missing: string): Decision | PolicyDecision | undefined;
}

/** What of a request's circumstances the caller itself does not tell. */
export type Circumstances = Pick<AccessContext, 'time' | 'environment' | 'rates'>;

/**
 * What a caller may do at this moment: a scope is held where the caller's token carries it and the engine allows it for
 * this request's time, address and way of authentication. Each question is asked of the engine once.
 */
export function rightsOf(caller: Caller, engine: Engine, circumstances: Circumstances): CallerRights {
  const { claims } = caller;
  const context = { ...circumstances, ...contextOf(caller) };
  const granted = new Set(claims.scope.split(' '));
  const asked = { subject: claims.sub, roles: claims.roles, context };
  const scopes = new Map<string, Decision>();
  const policies = new Map<string, PolicyDecision>();
  const decideScope = (action: string): Decision =>
    remembered(scopes, action, () => evaluate(engine, { ...asked, action }));
  const decidePolicy = (name: string): PolicyDecision =>
    remembered(policies, name, () => evaluatePolicy(engine, name, asked));
  return {
    authenticated: true,
    holdsScope: (scope) => granted.has(scope) && decideScope(scope).effect === 'allow',
    holdsPolicy: (name) => decidePolicy(name).effect === 'allow',
    decisionOf(missing) {
      const [kind, name = ''] = missing.split(' ', 2);
      if (kind === 'policy') return decidePolicy(name);
      return kind === 'scope' && granted.has(name) ? decideScope(name) : undefined;
    },
  };
}

function contextOf(caller: Caller): AccessContext {
  const { claims, certificateThumbprint } = caller;
  return {
    address: caller.address,
    mtls: certificateThumbprint !== undefined,
    ...(caller.spiffeId === undefined ? {} : { spiffeId: caller.spiffeId }),
    ...(caller.subjectAltNames === undefined ? {} : { subjectAltNames: caller.subjectAltNames }),
    authenticationMethod: caller.method,
    proofOfPossession: claims.cnf !== undefined || caller.method === 'x509_svid',
    actors: actorsOf(claims.act),
  };
}

function remembered<Value>(known: Map<string, Value>, name: string, decide: () => Value): Value {
  const before = known.get(name);
  if (before !== undefined) return before;
  const decided = decide();
  known.set(name, decided);
  return decided;
}
