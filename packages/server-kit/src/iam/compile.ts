import { type Check, compileConditions } from './compile-condition.ts';
import { type Candidates, compileGuard, type CompiledRole, compileRole } from './compile-role.ts';
import type { Decision } from './decision.ts';
import type { NamedPolicy, Service, Sources, TrustedIssuer } from './policy.ts';

export interface CompiledPolicy {
  readonly policy: NamedPolicy;
  readonly guard: Check | undefined;
}

/** A count that some condition asks about; see `AccessContext.rates`. */
export interface RateCondition {
  readonly name: string;
  readonly limit: number;
  readonly perSeconds: number;
}

/** Policies in the form in which they are asked. */
export interface Engine {
  readonly sha256: string;
  readonly sources: Sources;
  /** Every permission that somebody could hold. */
  readonly catalogue: ReadonlySet<string>;
  readonly services: ReadonlyMap<string, Service>;
  serviceBySpiffeId(spiffeId: string): Service | undefined;
  /** By issuer identifier. */
  readonly issuers: ReadonlyMap<string, TrustedIssuer>;
  readonly roles: ReadonlyMap<string, CompiledRole>;
  readonly policies: ReadonlyMap<string, CompiledPolicy>;
  readonly checks: ReadonlyMap<string, Check>;
  readonly rateConditions: readonly RateCondition[];
  /** What conditions ask of the subject's login, each once, in the order of the file. */
  readonly logins: {
    readonly classes: readonly string[];
    /** Seconds. */
    readonly ages: readonly number[];
  };
  /** Decisions of single roles that no context can change. */
  readonly settled: WeakMap<Candidates, Decision>;
}

/** Prepares checked policies for evaluation; what a role's rules say is indexed when the role is first asked about. */
export function compile(sources: Sources): Engine {
  const checks = compileConditions(sources.conditions);
  const conditions = [...sources.conditions.values()];
  const bySpiffeId = new Map<string, Service>();
  for (const service of sources.services.values())
    if (service.spiffeId !== undefined) bySpiffeId.set(service.spiffeId, service);
  return {
    sha256: sources.sha256,
    sources,
    catalogue: new Set(sources.permissions.keys()),
    services: sources.services,
    serviceBySpiffeId: (spiffeId) => bySpiffeId.get(spiffeId),
    issuers: sources.issuers,
    roles: new Map([...sources.roles.keys()].map((name) => [name, compileRole(name, sources.roles, checks)])),
    policies: new Map(
      [...sources.policies].map(([name, policy]) => [name, { policy, guard: compileGuard(policy, checks) }]),
    ),
    checks,
    rateConditions: conditions.flatMap(({ name, rate }) => (rate === undefined ? [] : [{ name, ...rate }])),
    logins: {
      classes: [...new Set(conditions.flatMap(({ acr }) => acr ?? []))],
      ages: [...new Set(conditions.flatMap(({ maxAgeSeconds }) => maxAgeSeconds ?? []))],
    },
    settled: new WeakMap(),
  };
}
