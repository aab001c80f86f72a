import { isMet, type Requirement, type Rights } from '@aduana/subgraph/graphql/requirement';
import type { AccessContext, AccessRequest } from '@aduana/server-kit/iam/access-context';
import type { Engine } from '@aduana/server-kit/iam/compile';
import type { Decision, PolicyDecision } from '@aduana/server-kit/iam/decision';
import { evaluate, evaluateAlways } from '@aduana/server-kit/iam/evaluate';
import { evaluatePolicy } from '@aduana/server-kit/iam/evaluate-policy';
import { loginOf } from '@aduana/server-kit/iam/login-of';
import { type StepUp, stepUpFor } from '@aduana/server-kit/iam/step-up';
import { actorsOf } from '@aduana/core/tokens/parse-access-token-claims';
import type { Caller } from '../stages.ts';

/** A caller's rights, with the decisions that made them. */
export interface CallerRights extends Rights {
  /**
   * Why a refused field's `scope NAME` or `policy NAME` was not held.
   *
   * @returns undefined where the caller's token does not carry the scope
   */
  decisionOf(missing: string): Decision | PolicyDecision | undefined;
  /** The caller's roles, and those that would grant a scope, where no rule decided; each with its place. */
  rolesAbout(missing: string): RolesAbout;
  /** The login with which all of these would be met; undefined where none would do. */
  stepUpFor(needed: readonly Requirement[]): StepUp | undefined;
}

interface PlacedRole {
  readonly role: string;
  /** `file:line`. */
  readonly location: string;
}

export interface RolesAbout {
  readonly roles: readonly PlacedRole[];
  readonly granted_by: readonly PlacedRole[];
}

const MOST_ROLES = 8;
/** A memo, not state: an engine never changes, a reload makes a new one, and its catalogue bounds the entries. */
const granting = new WeakMap<Engine, Map<string, readonly PlacedRole[]>>();

/** A memo, not state: the claims of a token never change. */
const scopesGranted = new WeakMap<Caller['claims'], ReadonlySet<string>>();

/** What of a request's circumstances does not come from the caller. */
export type Circumstances = Pick<AccessContext, 'time' | 'environment' | 'rates'>;

/**
 * What a caller may do at this moment: a scope is held where the caller's token carries it and the engine allows it for
 * this request's time, address and way of authentication. Each question is asked of the engine once.
 */
export function rightsOf(caller: Caller, engine: Engine, circumstances: Circumstances): CallerRights {
  const { claims } = caller;
  const granted = grantedBy(claims);
  let known: AskedOften | undefined;
  const asking = (): AskedOften => (known ??= openQuestions(caller, engine, circumstances));
  const decideScope = (action: string): Decision =>
    evaluateAlways(engine, claims.roles, action) ??
    remembered(asking().scopes, action, () => evaluate(engine, { ...asking().asked, action }));
  const decidePolicy = (name: string): PolicyDecision =>
    remembered(asking().policies, name, () => evaluatePolicy(engine, name, asking().asked));
  return {
    authenticated: true,
    holdsScope: (scope) => granted.has(scope) && decideScope(scope).effect === 'allow',
    holdsPolicy: (name) => decidePolicy(name).effect === 'allow',
    decisionOf(missing) {
      const [kind, name = ''] = missing.split(' ', 2);
      if (kind === 'policy') return decidePolicy(name);
      return kind === 'scope' && granted.has(name) ? decideScope(name) : undefined;
    },
    stepUpFor(needed) {
      const { asked } = asking();
      return stepUpFor(engine, asked.context, (other) => {
        const then: Rights = {
          authenticated: true,
          holdsScope: (action) =>
            granted.has(action) && evaluate(engine, { ...asked, action, context: other }).effect === 'allow',
          holdsPolicy: (name) =>
            evaluatePolicy(engine, name, { ...asked, context: other }).effect === 'allow',
        };
        return needed.every((requirement) => isMet(requirement, then));
      });
    },
    rolesAbout(missing) {
      const [kind, name = ''] = missing.split(' ', 2);
      return {
        roles: placed(engine, claims.roles),
        granted_by: kind === 'scope' ? rolesThatGrant(engine, name) : [],
      };
    },
  };
}

/** What is decided by the request's circumstances, and what was decided. */
interface AskedOften {
  readonly asked: Omit<AccessRequest, 'action'> & { readonly context: AccessContext };
  readonly scopes: Map<string, Decision>;
  readonly policies: Map<string, PolicyDecision>;
}

function openQuestions(caller: Caller, engine: Engine, circumstances: Circumstances): AskedOften {
  const { claims } = caller;
  const issuer = claims.sub_kind === 'user' ? claims.sub_iss : undefined;
  const context = { ...circumstances, ...contextOf(caller, engine) };
  return {
    asked: { subject: claims.sub, issuer, roles: claims.roles, context },
    scopes: new Map(),
    policies: new Map(),
  };
}

function grantedBy(claims: Caller['claims']): ReadonlySet<string> {
  let granted = scopesGranted.get(claims);
  if (granted === undefined) scopesGranted.set(claims, (granted = new Set(claims.scope.split(' '))));
  return granted;
}

function placed(engine: Engine, roles: readonly string[]): readonly PlacedRole[] {
  return roles.slice(0, MOST_ROLES).flatMap((role) => {
    const location = engine.sources.roles.get(role)?.location;
    return location === undefined ? [] : [{ role, location }];
  });
}

/** The roles that hold a rule which allows a scope, where its conditions hold; those that hold it themselves first. */
function rolesThatGrant(engine: Engine, scope: string): readonly PlacedRole[] {
  const known = granting.get(engine) ?? new Map<string, readonly PlacedRole[]>();
  granting.set(engine, known);
  if (!engine.catalogue.has(scope)) return [];
  return remembered(known, scope, () => {
    const allowing = [...engine.roles].flatMap(([role, compiled]) => {
      const [allow] = compiled.candidates(scope).allows;
      return allow === undefined ? [] : [{ role, steps: allow.rolePath.length }];
    });
    allowing.sort((one, other) => one.steps - other.steps);
    return placed(
      engine,
      allowing.map(({ role }) => role),
    );
  });
}

function contextOf(caller: Caller, engine: Engine): AccessContext {
  const { claims } = caller;
  return {
    address: caller.address,
    mtls: ownsCertificate(caller, engine),
    ...(caller.spiffeId === undefined ? {} : { spiffeId: caller.spiffeId }),
    ...(caller.subjectAltNames === undefined ? {} : { subjectAltNames: caller.subjectAltNames }),
    authenticationMethod: caller.method,
    proofOfPossession: caller.provesPossession,
    actors: actorsOf(claims.act),
    ...loginOf(claims),
  };
}

/** Whether the certificate of the connection is the caller's: of its service, or the one that its token is bound to. */
function ownsCertificate({ claims, certificateThumbprint, spiffeId }: Caller, engine: Engine): boolean {
  if (certificateThumbprint === undefined) return false;
  if (claims.cnf?.['x5t#S256'] === certificateThumbprint) return true;
  return (
    claims.sub_kind === 'service' &&
    spiffeId !== undefined &&
    engine.serviceBySpiffeId(spiffeId)?.id === claims.sub
  );
}

function remembered<Value>(known: Map<string, Value>, name: string, decide: () => Value): Value {
  const before = known.get(name);
  if (before !== undefined) return before;
  const decided = decide();
  known.set(name, decided);
  return decided;
}
