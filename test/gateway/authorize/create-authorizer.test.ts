import { describe, expect, test } from '@jest/globals';
import { print } from 'graphql';
import { createAuthorizer } from '../../../gateway/authorize/create-authorizer.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import type { OracleCaller } from '../../support/oracle-world.ts';
import {
  openGuardedFederation,
  type Question,
  rightsOf,
  validatedOf,
} from '../../support/guarded-federation.ts';

const effects: string[] = [];
const federation = openGuardedFederation({
  one: {
    sdl: `
      type Query { me: User secret: String @requiresScopes(scopes: [["s"]]) either: String @requiresScopes(scopes: [["s"], ["t", "u"]]) @policy(policies: [["p"]]) search(text: String): [Result!] }
      type Mutation { safe: Boolean rotate: Boolean @requiresScopes(scopes: [["s"]]) create: User }
      type User { name: String secret: String @requiresScopes(scopes: [["s"]]) }
      union Result = Movie | Book
      type Movie @requiresScopes(scopes: [["s"]]) { title: String }
      type Book { title: String }
    `,
    resolvers: {
      Query: {
        me: () => ({ name: 'n', secret: 's' }),
        search: () => [
          { __typename: 'Movie', title: 'm' },
          { __typename: 'Book', title: 'b' },
        ],
      },
      Mutation: {
        safe: () => effects.push('safe') > 0,
        rotate: () => effects.push('rotate') > 0,
        create: () => ({ name: `created ${String(effects.push('create') > 0)}`, secret: 's' }),
      },
      Result: { __resolveType: ({ __typename }: { __typename: string }) => __typename },
    },
  },
});
const NOBODY: OracleCaller = { authenticated: true, scopes: [], policies: [] };
const SOMEBODY: OracleCaller = { authenticated: true, scopes: ['s', 'unrelated'], policies: ['p'] };

describe('filter mode', () => {
  test('everything refused: data is null, and no subgraph is called', async () => {
    const { data, calls, errors, authorized } = await ask('{ secret other: secret }', NOBODY);
    expect({ data, calls, document: authorized.document }).toEqual({
      data: null,
      calls: [],
      document: undefined,
    });
    expect(errors.map(({ path }) => path)).toEqual([['secret'], ['other']]);
  });

  test('a selection that loses all its fields leaves its parent in place', async () => {
    expect((await ask('{ me { secret } }', NOBODY)).data).toEqual({ me: { secret: null } });
  });

  test('refusing one member of a union leaves the others alone', async () => {
    const { data, errors } = await ask('{ search { ... on Movie { title } ... on Book { title } } }', NOBODY);
    expect(data).toEqual({ search: [{ title: null }, { title: 'b' }] });
    expect(errors.map(({ path }) => path)).toEqual([['search', '@', 'title']]);
  });

  test('the selected __typename is answered without a subgraph', async () => {
    const { data, calls } = await ask('{ __typename secret }', NOBODY);
    expect({ data, calls }).toEqual({ data: { __typename: 'Query', secret: null }, calls: [] });
  });

  test('a refused mutation does not run, an allowed one does, its refused subfields are null', async () => {
    effects.length = 0;
    const { data } = await ask('mutation { safe rotate create { name secret } }', NOBODY);
    expect(data).toEqual({ safe: true, rotate: null, create: { name: 'created true', secret: null } });
    expect(effects).toEqual(['safe', 'create']);
  });

  test('an allowed mutation runs though all that is selected of it is refused', async () => {
    effects.length = 0;
    expect((await ask('mutation { create { secret } }', NOBODY)).data).toEqual({ create: { secret: null } });
    expect(effects).toEqual(['create']);
  });

  test('what is skipped is neither run nor refused', async () => {
    const { data, errors } = await ask(
      'query ($no: Boolean! = false) { me { name } secret @include(if: $no) }',
      NOBODY,
    );
    expect({ data, errors }).toEqual({ data: { me: { name: 'n' } }, errors: [] });
  });

  test('variables of refused fields are not sent on', () => {
    const { document } = authorizeOnly(
      'query ($text: String, $no: Boolean!) { me { name } search(text: $text) @skip(if: $no) { __typename } }',
      NOBODY,
      { no: true, text: 'private' },
    );
    expect(print(document ?? { kind: 'Document' as never, definitions: [] })).toBe(
      '{\n  me {\n    name\n  }\n}',
    );
  });

  test('a condition that is no boolean is a bad request', () => {
    expect(() =>
      authorizeOnly('query ($no: Boolean!) { me @skip(if: $no) { name } }', NOBODY, { no: 'yes' }),
    ).toThrow(expect.objectContaining({ code: 'BAD_REQUEST', status: 400 }));
  });

  test('a refusal says what is missing, for the log', () => {
    const { refusals } = authorizeOnly('{ either }', { authenticated: true, scopes: ['t'], policies: [] });
    expect(refusals).toEqual([
      {
        path: ['either'],
        coordinate: 'Query.either',
        lacks: [expect.any(Number)],
        missing: ['scope s', 'scope u', 'policy p'],
      },
    ]);
  });

  test('tells only the scopes and policies that the operation asks for', () => {
    const { scopes, policies } = authorizeOnly('{ either }', SOMEBODY);
    expect([[...scopes], policies]).toEqual([['s'], ['p']]);
  });
});

test('reject mode: one refusal refuses the whole operation, nothing runs', async () => {
  effects.length = 0;
  const { authorized, calls } = await federation.openGateway('reject')({
    document: 'mutation { safe rotate }',
    caller: NOBODY,
  });
  expect(authorized).toMatchObject({
    rejected: true,
    document: undefined,
    fields: [],
    refusals: [{ coordinate: 'Mutation.rotate' }],
  });
  expect([effects, calls]).toEqual([[], []]);
  expect(authorizeOnly('mutation { safe }', NOBODY, {}, 'reject').rejected).toBe(false);
});

test('dry_run mode: nothing is refused, and what would be is reported', () => {
  const { document, refusals, unenforced, shape } = authorizeOnly(
    '{ secret me { secret } }',
    NOBODY,
    {},
    'dry_run',
  );
  expect(print(document ?? { kind: 'Document' as never, definitions: [] })).toContain('secret');
  expect(refusals).toEqual([]);
  expect(unenforced.map(({ path }) => path)).toEqual([['secret'], ['me', 'secret']]);
  expect(JSON.stringify(shape)).not.toContain('"refused":true');
});

test('an operation that was pushed out is not remembered by its object either', () => {
  const authorize = createAuthorizer({ clock: createFakeClock(), mode: 'filter', capacity: 1 });
  const shapeOf = (validated: ReturnType<typeof validatedOf>) =>
    authorize(validated, federation.supergraph, rightsOf(NOBODY)).shape;
  const [one, other] = ['{ me { name } }', '{ __typename }'].map((document) => validatedOf({ document, caller: NOBODY })); // prettier-ignore
  if (one === undefined || other === undefined) throw new TypeError('two documents');
  const shape = shapeOf(one);
  expect(shapeOf(one)).toBe(shape);
  for (let time = 0; time < 2; time += 1) shapeOf(other);
  expect(shapeOf(one)).not.toBe(shape);
});

function ask(document: string, caller: OracleCaller) {
  return federation.openGateway()({ document, caller });
}

function authorizeOnly(
  document: string,
  caller: OracleCaller,
  variables: Question['variables'] = {},
  mode: 'filter' | 'reject' | 'dry_run' = 'filter',
) {
  const authorize = createAuthorizer({ clock: createFakeClock(), mode });
  return authorize(validatedOf({ document, caller, variables }), federation.supergraph, rightsOf(caller));
}
