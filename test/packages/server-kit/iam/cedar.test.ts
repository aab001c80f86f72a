import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { AccessContext, AccessRequest } from '@aduana/server-kit/iam/access-context';
import { evaluate } from '@aduana/server-kit/iam/evaluate';
import { createCedarOracle } from '../../../support/cedar-oracle.ts';
import { engineOf } from '../../../support/policy-folder.ts';

const POLICY_SETS = 50;
const REQUESTS_EACH = 200;
const SEED = 20261124;

const ROLES = ['r0', 'r1', 'r2', 'r3', 'r4'];
const CONDITIONS = ['c0', 'c1', 'c2', 'c3', 'c4', 'c5'];
const PERMISSIONS = ['a', 'a:b', 'a:b:c', 'a:x', 'b:x', 'b:x:y', 'sts:keys:rotate', 'sts:status:write'];
const PATTERNS = [...PERMISSIONS, 'a:*', '*:x', 'a:*:c', 'a:**', 'b:**', '**', 'sts:**', '*:*:*'];
const METHODS = ['client_secret_basic', 'tls_client_auth', 'x509_svid'];
const ADDRESSES = ['10.1.2.3', '192.168.7.7', '203.0.113.9', '2001:db8::5', '2001:db9::1'];
const RANGES = ['10.0.0.0/8', '192.168.0.0/16', '2001:db8::/32', '203.0.113.9', '0.0.0.0/0'];
const SPIFFE_IDS = ['spiffe://d/bff', 'spiffe://d/ns/a', 'spiffe://d/ns/a/b', 'spiffe://e/bff'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

const some = <Value>(values: readonly Value[], minLength = 1) =>
  fc.subarray([...values], { minLength, maxLength: Math.min(3, values.length) });
const clock = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.constantFrom('00', '30'))
  .map(([hour, minute]) => `${String(hour).padStart(2, '0')}:${minute}`);

/** A condition may name those before it, so that none contains itself. */
const condition = (index: number) => {
  const base: fc.Arbitrary<Record<string, unknown>>[] = [
    fc.record({ mtls: fc.boolean() }),
    fc.record({ proof_of_possession: fc.boolean() }),
    fc.record({ cidr: some(RANGES) }),
    fc.record({ authentication: some(METHODS) }),
    fc.record({ environment: some(['production', 'test']) }),
    fc.record({ spiffe: some([...SPIFFE_IDS, 'spiffe://d/ns/**']) }),
    fc.record({
      delegation: fc.record(
        { max_depth: fc.integer({ min: 0, max: 2 }), actors: some(['gateway', 'bff', 'x']) },
        { requiredKeys: ['max_depth'] },
      ),
    }),
    fc.record({
      time: fc.record(
        { zone: fc.constant('UTC'), days: some(DAYS), from: clock, to: clock },
        { requiredKeys: ['zone', 'from', 'to'] },
      ),
    }),
    fc.record({ rate: fc.constant({ limit: 5, per_seconds: 60 }) }),
    fc.record({ mtls: fc.boolean(), environment: some(['production', 'test']) }),
  ];
  const known = CONDITIONS.slice(0, index);
  const compound =
    known.length === 0
      ? []
      : [
          fc.record({ all_of: some(known) }),
          fc.record({ any_of: some(known) }),
          fc.record({ none_of: some(known) }),
        ];
  return fc.oneof(...base, ...compound);
};

const rule = fc
  .record({
    effect: fc.constantFrom('allow', 'allow', 'allow', 'deny'),
    pattern: fc.constantFrom(...PATTERNS),
    when: some(CONDITIONS, 0),
    unless: some(CONDITIONS, 0),
  })
  .map(({ effect, pattern, when, unless }) => ({
    [effect]: pattern,
    ...(when.length === 0 ? {} : { when }),
    ...(unless.length === 0 ? {} : { unless }),
  }));

const policies = fc.record({
  permissions: fc.constant(PERMISSIONS),
  conditions: fc
    .tuple(...CONDITIONS.map((_, index) => condition(index)))
    .map((made) => Object.fromEntries(made.map((entry, index) => [`c${String(index)}`, entry]))),
  roles: fc
    .tuple(
      ...ROLES.map((_, index) =>
        fc.record({
          inherits: some(ROLES.slice(0, index), 0),
          permissions: fc.array(rule, { maxLength: 6 }),
        }),
      ),
    )
    .map((made) => Object.fromEntries(made.map((entry, index) => [`r${String(index)}`, entry]))),
});

/** Any time of three weeks, and often one at which windows open and close. */
const instant = fc.oneof(
  fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2026, 0, 21) }),
  fc.integer({ min: 0, max: 20 * 48 }).map((halfHours) => Date.UTC(2026, 0, 1) + halfHours * 1_800_000),
);

const context: fc.Arbitrary<AccessContext> = fc
  .record(
    {
      time: instant,
      address: fc.constantFrom(...ADDRESSES),
      mtls: fc.boolean(),
      spiffeId: fc.constantFrom(...SPIFFE_IDS),
      authenticationMethod: fc.constantFrom(...METHODS),
      proofOfPossession: fc.boolean(),
      actors: fc.subarray(['gateway', 'bff', 'y']),
      environment: fc.constantFrom('production', 'test', 'staging'),
      rates: fc
        .subarray(CONDITIONS)
        .chain((names) =>
          fc
            .array(fc.boolean(), { minLength: names.length, maxLength: names.length })
            .map((held) => new Map(names.map((name, index) => [name, held[index] ?? false]))),
        ),
    },
    { requiredKeys: [] },
  )
  .map((made) => made as AccessContext);

const request: fc.Arbitrary<AccessRequest> = fc.record({
  subject: fc.constantFrom('s', 't'),
  roles: fc.subarray(ROLES),
  action: fc.constantFrom(...PERMISSIONS),
  context,
});

describe('against Cedar', () => {
  test(`${String(POLICY_SETS * REQUESTS_EACH)} generated requests are decided alike`, async () => {
    const counts = { allow: 0, deny: 0 };
    const sets = fc.sample(policies, { numRuns: POLICY_SETS, seed: SEED });
    for (const [index, set] of sets.entries()) {
      const engine = await engineOf(
        `conditions: ${JSON.stringify(set.conditions)}\npermissions: ${JSON.stringify(set.permissions)}\nroles: ${JSON.stringify(set.roles)}\n`,
      );
      const oracle = createCedarOracle(engine.sources, `set-${String(index)}`);
      for (const asked of fc.sample(request, { numRuns: REQUESTS_EACH, seed: SEED + index })) {
        const { effect } = evaluate(engine, asked);
        if (effect !== oracle(asked))
          throw new Error(
            `Cedar disagrees: ${effect} for ${JSON.stringify(asked)} by ${JSON.stringify(set)}`,
          );
        counts[effect] += 1;
      }
    }
    expect(counts.allow + counts.deny).toBe(POLICY_SETS * REQUESTS_EACH);
    expect(counts.allow).toBeGreaterThan(1_000);
    expect(counts.deny).toBeGreaterThan(1_000);
  });
});
