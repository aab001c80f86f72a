import { describe, expect, test } from '@jest/globals';
import { chooseOverrides, readOverrideLabels } from '../../../gateway/pipeline/override-labels.ts';
import { createPlan } from '../../../gateway/pipeline/plan.ts';
import { createAuthorizer } from '../../../gateway/pipeline/rewrite/create-authorizer.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { openGuardedFederation, rightsOf, validatedOf } from '../../support/guarded-federation.ts';

const clock = createFakeClock();
const caller = { authenticated: true, scopes: [], policies: [] };
const { supergraph } = openGuardedFederation({
  old: { sdl: 'type Query { u: U } type U @key(fields: "id") { id: ID! name: String }', resolvers: {} },
  next: {
    sdl: 'type U @key(fields: "id") { id: ID! name: String @federation__override(from: "old", label: "percent(50)") }',
    resolvers: {},
  },
});

describe('progressive @override', () => {
  test('is chosen anew for each request, and each choice has its own plan', () => {
    expect(readOverrideLabels(supergraph.supergraphSchema)).toEqual(['percent(50)']);
    const plan = createPlan();
    const subgraphs = new Map<string, unknown>();
    for (let request = 0; request < 40; request += 1) {
      const planned = plan(authorizedAs(request.toString(16).padStart(32, '0')), supergraph);
      const name = JSON.stringify(planned?.plan).includes('"next"') ? 'next' : 'old';
      expect(subgraphs.get(name) ?? planned?.plan).toBe(planned?.plan);
      subgraphs.set(name, planned?.plan);
    }
    expect([...subgraphs.keys()].sort()).toEqual(['next', 'old']);
  });

  test('holds for the share of requests that its label names; an unknown label never holds', () => {
    const held = Array.from({ length: 2_000 }, (_, index) =>
      chooseOverrides(['percent(25)', 'percent(0)', 'percent(100)', 'beta'], String(index)),
    );
    const share = (label: string) => held.filter((labels) => labels.includes(label)).length / held.length;
    expect(share('percent(25)')).toBeCloseTo(0.25, 1);
    expect([share('percent(0)'), share('percent(100)'), share('beta')]).toEqual([0, 1, 0]);
  });
});

test('one operation has one plan, whatever the client called it or wrote around it', () => {
  const plan = createPlan();
  const planned = (document: string) => plan(authorizedAs('0'.repeat(32), document), supergraph);
  expect(planned('{ u { id } }')).toBe(planned('query { u { ...F } } fragment F on U { id }'));
  expect(planned('{ u { id } }')).not.toBe(planned('query Named { u { id } }'));
  expect(planned('{ __typename }')).toBeUndefined();
});

function authorizedAs(traceId: string, document = '{ u { name } }') {
  const validated = validatedOf({ document, caller });
  const authorize = createAuthorizer({ clock, mode: 'filter' });
  return authorize({ ...validated, trace: { ...validated.trace, traceId } }, supergraph, rightsOf(caller));
}
