// The attacker is a caller who asks for the schema over and over, with other variables and in other words each time: what is kept
// of the answers must not fill the gateway's memory.
import { expect, test } from '@jest/globals';
import { createAuthorizer } from '../../gateway/authorize/create-authorizer.ts';
import { createCallerViews } from '../../gateway/authorize/caller-views.ts';
import { createIntrospect } from '../../gateway/authorize/introspect.ts';
import { type MissBudget, UNLIMITED } from '../../gateway/limits/miss-budget.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { openGuardedFederation, rightsOf, validatedOf } from '../support/guarded-federation.ts';

const clock = createFakeClock();
const fields = Array.from(
  { length: 60 },
  (_, n) => `field${String(n)}(id: ID, name: String): Int @requiresScopes(scopes: [["s${String(n % 2)}"]])`,
);
const { supergraph } = openGuardedFederation({
  one: { sdl: `type Query { open: Int ${fields.join(' ')} }`, resolvers: {} },
});
const ANYBODY = { authenticated: true, scopes: ['s0', 's1'], policies: [] };
const SOMEBODY = { authenticated: true, scopes: ['s0'], policies: [] };

const CHARACTERS = 200_000;

/** Asks, and counts the answers that had to be made. */
function open() {
  const made: unknown[] = [];
  const budget: MissBudget = {
    ...UNLIMITED,
    spend(_, work) {
      made.push(undefined);
      return work();
    },
  };
  const introspect = createIntrospect({
    mode: 'filtered',
    views: createCallerViews({ clock }),
    budget,
    kept: { entries: 500, characters: CHARACTERS },
  });
  const authorize = createAuthorizer({ clock, mode: 'filter' });
  const ask = (
    document: string,
    variables: Readonly<Record<string, unknown>> = {},
    caller: typeof ANYBODY = ANYBODY,
  ) => {
    const rights = rightsOf(caller);
    return introspect(
      authorize(validatedOf({ document, variables, caller }), supergraph, rights),
      supergraph,
      rights,
    );
  };
  return { ask, made };
}

test('variables that an answer does not depend on make no other', () => {
  const { ask, made } = open();
  const document =
    'query ($id: ID, $name: String!) { __type(name: $name) { name } field0(id: $id) @include(if: false) }';
  const answers = [1, 2, 3].map((n) => ask(document, { id: 'x'.repeat(n), name: 'Query' }));
  expect(answers).toEqual(answers.map(() => ({ __type: { name: 'Query' } })));
  expect(made).toHaveLength(1);
  expect(ask(document, { id: 'x', name: 'Nothing' })).toEqual({ __type: null });
  expect(made).toHaveLength(2);
});

test('callers with other rights get their own', () => {
  const { ask } = open();
  const document = '{ __type(name: "Query") { fields { name } } }';
  const namesOf = (caller: typeof ANYBODY) => JSON.stringify(ask(document, {}, caller));
  expect(namesOf(ANYBODY)).toContain('field1"');
  expect(namesOf(SOMEBODY)).not.toContain('field1"');
  expect(namesOf(ANYBODY)).toContain('field1"');
});

test('what is kept of all answers is bounded by their text', () => {
  const { ask, made } = open();
  const documentOf = (n: number): string => {
    const aliases = Array.from({ length: 8 }, (_, at) => `a${String(at)}_${String(n)}: __type(name: "Query") { fields { name args { name type { name } } } }`); // prettier-ignore
    return `{ ${aliases.join(' ')} }`;
  };
  const characters = JSON.stringify(ask(documentOf(0))).length;
  const others = Math.ceil(CHARACTERS / characters) + 1;
  for (let n = 1; n <= others; n += 1) ask(documentOf(n));
  expect(made).toHaveLength(1 + others);
  ask(documentOf(0));
  expect(made).toHaveLength(2 + others); // it was pushed out
});
