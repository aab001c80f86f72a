import { SecurityError } from '@aduana/core/errors/security-error';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { describe, expect, test } from '@jest/globals';
import { print } from 'graphql';
import { chooseOverrides, readOverrideLabels } from '../../../gateway/planner/override-labels.ts';
import { createPlan } from '../../../gateway/planner/plan.ts';
import { createAuthorizer } from '../../../gateway/authorize/create-authorizer.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { until } from '../../support/until.ts';
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

const { supergraph: plain } = openGuardedFederation({
  one: { sdl: 'type Query { a: Int b: Int }', resolvers: {} },
});

describe('progressive @override', () => {
  test('is chosen anew for each request, and each choice has its own plan', async () => {
    expect(readOverrideLabels(supergraph.supergraphSchema)).toEqual(['percent(50)']);
    const plan = createPlan({ clock, log: createLog('silent', () => undefined) });
    const subgraphs = new Map<string, unknown>();
    for (let request = 0; request < 40; request += 1) {
      const planned = await plan(authorizedAs(request.toString(16).padStart(32, '0')), supergraph);
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
  const plan = createPlan({ clock, log: createLog('silent', () => undefined) });
  const planned = (document: string) => plan(authorizedAs('0'.repeat(32), document), supergraph);
  expect(planned('{ u { id } }')).toBe(planned('query { u { ...F } } fragment F on U { id }'));
  expect(planned('{ u { id } }')).not.toBe(planned('query Named { u { id } }'));
  expect(planned('{ __typename }')).toBeUndefined();
});

function authorizedOver(over: typeof plain, document: string) {
  const authorize = createAuthorizer({ clock, mode: 'filter' });
  return authorize(validatedOf({ document, caller }), over, rightsOf(caller));
}

function authorizedAs(traceId: string, document = '{ u { name } }') {
  const validated = validatedOf({ document, caller });
  const authorize = createAuthorizer({ clock, mode: 'filter' });
  return authorize({ ...validated, trace: { ...validated.trace, traceId } }, supergraph, rightsOf(caller));
}

test('what was asked for most is planned over the next supergraph before anybody asks', async () => {
  const clockOfWarming = createFakeClock();
  const plan = createPlan({ clock, log: createLog('silent', () => undefined) });
  const ask = (document: string, over: typeof plain = plain) => plan(authorizedOver(over, document), over);
  for (const document of ['{ a }', '{ b }', '{ a b }', '{ b }', '{ a b }', '{ a b }']) void ask(document);
  const asked: string[] = [];
  const next: typeof plain = {
    ...plain,
    findPlan: (request) => {
      asked.push(print(request.document).replace(/\s+/g, ' '));
      if (asked.length === 2) throw new SecurityError('OPERATION_NOT_PLANNABLE');
      return plain.findPlan(request);
    },
  };
  const warming = plan.warm(next, plain, { clock: clockOfWarming, milliseconds: 1_000, most: 2 });
  await until(() => asked.length === 2, () => clockOfWarming.advance(1)); // prettier-ignore
  await clockOfWarming.advance(1);
  expect(await warming).toEqual({ planned: 1, skipped: 1 });
  expect(asked).toEqual(['{ a b }', '{ b }']);
  expect(await ask('{ a b }', next)).toBeDefined();
  expect(asked).toHaveLength(2);
});

test.each([false, true])('an operation without a plan is logged with the trace of its request, later: %s', async (isLater) => {
  const lines: string[] = [];
  const plan = createPlan({ clock, log: createLog('warn', (line) => lines.push(line)) });
  const refusal = new SecurityError('OPERATION_NOT_PLANNABLE', { detail: 'none' });
  const over: typeof plain = {
    ...plain,
    findPlan: () => {
      if (isLater) return Promise.reject(refusal);
      throw refusal;
    },
  };
  const authorized = authorizedOver(plain, '{ a }');
  await expect((async () => plan(authorized, over))()).rejects.toBe(refusal);
  expect(JSON.parse(lines[0] ?? '{}')).toMatchObject({ msg: 'an operation has no plan', trace_id: authorized.trace.traceId });
}); // prettier-ignore
