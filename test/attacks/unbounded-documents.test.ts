import { createLog } from '@aduana/server-kit/platform/create-log';
import type { QueryPlanner } from '@apollo/query-planner';
import { expect, test } from '@jest/globals';
import { createFindPlan } from '../../gateway/planner/operation-planner.ts';
import { createPlan } from '../../gateway/planner/plan.ts';
import { createAuthorizer } from '../../gateway/authorize/create-authorizer.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { openGuardedFederation, rightsOf, validatedOf } from '../support/guarded-federation.ts';

const federation = openGuardedFederation({
  one: { sdl: 'type Query { a: A } type A { a: A b: Int }', resolvers: { Query: { a: () => ({ b: 1 }) } } },
});
const caller = { authenticated: true, scopes: [], policies: [] };

test('fragments that double at each level are refused before they unfold', () => {
  const levels = Array.from(
    { length: 60 },
    (_, index) =>
      `fragment F${String(index)} on A { x: a { ...F${String(index + 1)} } y: a { ...F${String(index + 1)} } }`,
  );
  const document = `{ a { ...F0 } } ${levels.join(' ')} fragment F60 on A { b }`;
  expect(() => authorize(document)).toThrow(
    expect.objectContaining({ code: 'LIMIT_PLANNING_EXCEEDED', status: 400 }),
  );
});

test('a fragment that is spread again and again is one fragment', async () => {
  const levels = Array.from(
    { length: 60 },
    (_, index) => `fragment F${String(index)} on A { ${`...F${String(index + 1)} `.repeat(20)} }`,
  );
  const document = `{ a { ...F0 } } ${levels.join(' ')} fragment F60 on A { b }`;
  expect((await federation.openGateway()({ document, caller })).data).toEqual({ a: { b: 1 } });
});

test.each([
  ['Exceeded maximum recursive selections in this operation', 'LIMIT_PLANNING_EXCEEDED'],
  ['Number of non-local selections exceeds limit of 100000', 'LIMIT_PLANNING_EXCEEDED'],
  ['Was not able to find any options for { a: [inside] }', 'OPERATION_NOT_PLANNABLE'],
])(
  'the planner keeps its limits whatever the environment says; %j is a bad request in our own words',
  (message, code) => {
    const switches = [
      'APOLLO_DISABLE_SECURITY_RECURSIVE_SELECTIONS_CHECK',
      'APOLLO_DISABLE_SECURITY_NON_LOCAL_SELECTIONS_CHECK',
    ];
    for (const name of switches) process.env[name] = 'true';
    const asked: unknown[] = [];
    const queryPlanner = {
      buildQueryPlan: (_operation: unknown, options: unknown) => {
        asked.push(options);
        throw new Error(message);
      },
    } as unknown as QueryPlanner;
    try {
      const plan = createPlan({ clock: createFakeClock(), log: createLog('silent', () => undefined) });
      const findPlan = createFindPlan({ ...federation.supergraph.planners, queryPlanner });
      expect(() => plan(authorize('{ a { b } }'), { ...federation.supergraph, findPlan })).toThrow(
        expect.objectContaining({ code, status: 400, message: expect.not.stringContaining('inside') }),
      );
      expect(asked).toMatchObject([
        { recursiveSelectionsLimitDisabled: false, nonLocalSelectionsLimitDisabled: false },
      ]);
    } finally {
      for (const name of switches) Reflect.deleteProperty(process.env, name);
    }
  },
);

function authorize(document: string) {
  const authorizer = createAuthorizer({ clock: createFakeClock(), mode: 'filter' });
  return authorizer(validatedOf({ document, caller }), federation.supergraph, rightsOf(caller));
}
