import { createLog } from '@aduana/server-kit/platform/create-log';
import { expect, test } from '@jest/globals';
import { createPlan } from '../../gateway/planner/plan.ts';
import { createAuthorizer } from '../../gateway/authorize/create-authorizer.ts';
import { createMissBudget } from '../../gateway/limits/miss-budget.ts';
import type { Caller } from '../../gateway/stages.ts';
import type { OracleCaller } from '../support/oracle-world.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { openGuardedFederation, rightsOf, validatedOf } from '../support/guarded-federation.ts';

const { supergraph } = openGuardedFederation({ one: { sdl: 'type Query { a: Int b: Int }', resolvers: {} } });
const RIGHTS: OracleCaller = { authenticated: true, scopes: [], policies: [] };
const NAMES = Array.from({ length: 10 }, (_, index) => `v${String(index)}`);
const VARIANTS = `query (${NAMES.map((name) => `$${name}: Boolean!`).join(' ')}) { a ${NAMES.map((name) => `${name}: b @include(if: $${name})`).join(' ')} }`;

test('the variants of one document do not push out what others use, whoever sends them', () => {
  const { run } = open(1_000_000, 10);
  const settled = run('{ a }', 'bff');
  for (let variant = 0; variant < 2 ** NAMES.length; variant += 1) run(VARIANTS, 'attacker', variant);
  expect(run('{ a }', 'bff').shape).toBe(settled.shape);
});

test('beyond its budget a caller is served, and nothing of it is kept', async () => {
  const { run, clock } = open(20, 1_000);
  const first = Array.from({ length: 30 }, (_, index) => run(`{ a x${String(index)}: b }`, 'attacker'));
  const again = Array.from({ length: 30 }, (_, index) => run(`{ a x${String(index)}: b }`, 'attacker'));
  expect(first.map(({ plan }, index) => plan === again[index]?.plan)).toEqual([
    ...Array.from({ length: 10 }, () => true), // a rewrite and a plan each
    ...Array.from({ length: 20 }, () => false),
  ]);
  const other = run('{ other: a }', 'bff');
  expect(run('{ other: a }', 'bff').plan).toBe(other.plan);
  await clock.advance(60_001);
  const later = run('{ later: a }', 'attacker');
  expect(run('{ later: a }', 'attacker').plan).toBe(later.plan);
});

function open(perMinute: number, capacity: number) {
  const clock = createFakeClock();
  const budget = createMissBudget({ clock, keptPerMinute: perMinute });
  const authorize = createAuthorizer({ clock, mode: 'filter', budget, capacity });
  const plan = createPlan({ clock, budget, log: createLog('silent', () => undefined) });
  return {
    clock,
    run(document: string, sub: string, variant = 0) {
      const variables = Object.fromEntries(NAMES.map((name, index) => [name, (variant >> index) % 2 === 1]));
      const validated = validatedOf({ document, variables, caller: RIGHTS });
      const caller: Caller = { ...validated.caller, claims: { ...validated.caller.claims, sub } };
      const authorized = authorize({ ...validated, caller }, supergraph, rightsOf(RIGHTS));
      return { shape: authorized.shape, plan: plan(authorized, supergraph) };
    },
  };
}
