import { expect, test } from '@jest/globals';
import { createCallerViews } from '../../gateway/authorize/caller-views.ts';
import { createMissBudget } from '../../gateway/limits/miss-budget.ts';
import type { Caller } from '../../gateway/stages.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { supergraphOf } from '../support/supergraph-of.ts';

// The attacker: a caller with seven scopes, of which the STS gives it a token for each subset.
const SCOPES = 7;
const fields = Array.from(
  { length: SCOPES },
  (_, n) => `f${String(n)}: Int @requiresScopes(scopes: [["s${String(n)}"]])`,
);
const supergraph = supergraphOf({ one: `type Query { open: Int ${fields.join(' ')} }` });
const ATTACKER = callerNamed('attacker');
const OTHER = callerNamed('other');

function callerNamed(sub: string): Caller {
  return { claims: { sub, sub_iss: 'sts' } } as unknown as Caller;
}

/** The rights of a token with these of its scopes, one bit each. */
const rightsOf = (bits: number) => ({
  authenticated: true,
  holdsScope: (scope: string) => (bits & (1 << Number(scope.slice(1)))) !== 0,
  holdsPolicy: () => false,
});

test('each view that has to be made is paid for by its caller, and what is known is free', () => {
  let cpu = 0;
  const budget = createMissBudget({
    clock: createFakeClock(),
    keptPerMinute: 1_000,
    cpu: () => (cpu += 1_000),
  });
  const views = createCallerViews({ clock: createFakeClock(), budget });
  for (let bits = 0; bits < 5; bits += 1) views(supergraph, rightsOf(bits), ATTACKER);
  expect(() => views(supergraph, rightsOf(5), ATTACKER)).toThrow(
    expect.objectContaining({ code: 'RATE_LIMITED', status: 429 }),
  );
  expect(views(supergraph, rightsOf(4), ATTACKER)).toBe(views(supergraph, rightsOf(4), OTHER));
  expect(() => views(supergraph, rightsOf(5), OTHER)).not.toThrow();
});

test('all views of one caller push out none of another', () => {
  const views = createCallerViews({ clock: createFakeClock() });
  const own = views(supergraph, rightsOf(1), OTHER);
  for (let bits = 0; bits < 2 ** SCOPES - 1; bits += 1) views(supergraph, rightsOf(bits), ATTACKER);
  expect(views(supergraph, rightsOf(1), OTHER)).toBe(own);
  const last = views(supergraph, rightsOf(126), ATTACKER);
  expect(views(supergraph, rightsOf(126), ATTACKER)).toBe(last);
});
