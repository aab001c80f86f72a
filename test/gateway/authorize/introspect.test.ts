import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  buildClientSchema,
  getIntrospectionQuery,
  type IntrospectionQuery,
  isObjectType,
  printSchema,
  validateSchema,
} from 'graphql';
import { createCallerViews } from '../../../gateway/authorize/caller-views.ts';
import { createIntrospect, type IntrospectionMode } from '../../../gateway/authorize/introspect.ts';
import { createAuthorizer } from '../../../gateway/authorize/create-authorizer.ts';
import { generateFederation } from '../../support/generated-federation.ts';
import { type Draw } from '../../support/drawn-values.ts';
import { openGuardedFederation, rightsOf, validatedOf } from '../../support/guarded-federation.ts';
import type { LoadedSupergraph } from '../../../gateway/supergraph/loaded-supergraph.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const clock = createFakeClock();
const NOBODY = { authenticated: true, scopes: [], policies: [] };
const SOMEBODY = { authenticated: true, scopes: ['s'], policies: ['p'] };

const { supergraph } = openGuardedFederation({
  one: {
    sdl: `
      type Query { open(order: Order): Open secret(filter: Filter): Secret @requiresScopes(scopes: [["s"]]) any: Any node: Node }
      type Mutation { burn(reason: Reason!): Boolean @requiresScopes(scopes: [["s"]]) }
      input Filter { text: String level: Level }
      input Order { by: String }
      enum Level { HIGH LOW }
      enum Reason { BORED }
      enum Grade @policy(policies: [["p"]]) { A B }
      type Open { id: ID! grade: Grade owner(as: Role): Secret }
      enum Role { OWNER }
      type Secret @requiresScopes(scopes: [["s"]]) { id: ID! only: Only }
      type Only { x: Int }
      union Any = Open | Secret
      interface Node { id: ID! }
      type Plain implements Node { id: ID! }
      type Guarded implements Node @requiresScopes(scopes: [["s"]]) { id: ID! }
    `,
    resolvers: {},
  },
});

describe('introspection filtered for the caller', () => {
  test('hides what is reached only through refused fields, and keeps the rest', () => {
    const text = printSchema(schemaFor(supergraph, NOBODY));
    expect(text).toMatch(/open\(order: Order\): Open/);
    expect(text).toContain('union Any = Open');
    for (const hidden of [
      'secret',
      'Secret',
      'Filter',
      'Level',
      'Mutation',
      'Reason',
      'Grade',
      'Role',
      'Only',
      'Node',
      'Guarded',
      'BORED',
    ]) {
      expect(text).not.toContain(hidden);
    }
  });

  test('shows everything to whom everything is allowed', () => {
    expect(printSchema(schemaFor(supergraph, SOMEBODY))).toBe(printSchema(supergraph.apiSchema));
  });

  test('finds no type that the caller may not see, under whatever name', () => {
    const answer = introspect(
      supergraph,
      '{ shown: __type(name: "Open") { name } hidden: __type(name: "Secret") { name } never: __type(name: "Nope") { name } }',
      NOBODY,
    );
    expect(answer).toEqual({ shown: { name: 'Open' }, hidden: null, never: null });
  });

  test('does not mix callers up, whoever comes first', () => {
    const query = '{ __type(name: "Secret") { name } }';
    const ask = openIntrospection('filtered');
    expect(ask(supergraph, query, SOMEBODY)).toEqual({ __type: { name: 'Secret' } });
    expect(ask(supergraph, query, NOBODY)).toEqual({ __type: null });
    expect(ask(supergraph, query, SOMEBODY)).toEqual({ __type: { name: 'Secret' } });
  });

  test('takes variables, fragments and conditions, beside guarded fields', () => {
    const query = `query ($name: String!, $no: Boolean!, $filter: Filter) {
      ...Meta secret(filter: $filter) { id } skipped: __schema @skip(if: $no) { queryType { name } }
    } fragment Meta on Query { __type(name: $name) { kind ...Name } } fragment Name on __Type { name }`;
    const answer = openIntrospection('filtered')(supergraph, query, NOBODY, {
      name: 'Open',
      no: true,
      filter: { text: 'x' },
    });
    expect(answer).toEqual({ __type: { kind: 'OBJECT', name: 'Open' } });
  });

  test('is a valid schema for whatever rights over whatever schema', () => {
    fc.assert(
      fc.property(fc.gen(), (gen) => {
        const draw: Draw = (below) => gen(fc.nat, { max: below - 1 });
        const federation = openGuardedFederation(generateFederation(draw).subgraphs);
        for (let index = 0; index < 8; index += 1) {
          const caller = {
            authenticated: draw(8) > 0,
            scopes: ['a', 'b', 'c'].filter(() => draw(2) === 0),
            policies: ['p', 'q'].filter(() => draw(2) === 0),
          };
          const schema = schemaFor(federation.supergraph, caller);
          expect(validateSchema(schema)).toEqual([]);
          for (const type of Object.values(schema.getTypeMap())) {
            if (isObjectType(type)) expect(Object.keys(type.getFields()).length).toBeGreaterThan(0);
          }
        }
      }),
      { numRuns: 8, endOnFailure: true },
    );
  });
});

test('`full` shows everything to everybody, `off` nothing to anybody', () => {
  const query = '{ __type(name: "Secret") { name } }';
  expect(openIntrospection('full')(supergraph, query, NOBODY)).toEqual({ __type: { name: 'Secret' } });
  expect(() => openIntrospection('off')(supergraph, query, SOMEBODY)).toThrow(
    expect.objectContaining({ code: 'INTROSPECTION_DISABLED', status: 400 }),
  );
  expect(openIntrospection('off')(supergraph, '{ __typename open { id } }', SOMEBODY)).toEqual({});
});

function schemaFor(
  of: LoadedSupergraph,
  caller: typeof NOBODY | { scopes: string[]; policies: string[]; authenticated: boolean },
) {
  return buildClientSchema(introspect(of, getIntrospectionQuery(), caller) as unknown as IntrospectionQuery);
}

function introspect(of: LoadedSupergraph, text: string, caller: Parameters<typeof rightsOf>[0]) {
  return openIntrospection('filtered')(of, text, caller);
}

function openIntrospection(mode: IntrospectionMode) {
  const authorize = createAuthorizer({ clock, mode: 'filter' });
  const answer = createIntrospect({ mode, views: createCallerViews({ clock }) });
  return (
    of: LoadedSupergraph,
    document: string,
    caller: Parameters<typeof rightsOf>[0],
    variables: Readonly<Record<string, unknown>> = {},
  ) => {
    const rights = rightsOf(caller);
    const authorized = authorize(validatedOf({ document, variables, caller }), of, rights);
    return JSON.parse(JSON.stringify(answer(authorized, of, rights))) as Record<string, unknown>;
  };
}
