import { expect, test } from '@jest/globals';
import { buildSchema, type FieldNode, getIntrospectionQuery, Kind, parse } from 'graphql';
import { fragmentsOf } from '@aduana/subgraph/graphql/fragments-of';
import { createCallerViews } from '../../gateway/authorize/caller-views.ts';
import { createIntrospect } from '../../gateway/authorize/introspect.ts';
import { createIntrospectionLimit } from '../../gateway/limits/introspection-size.ts';
import { createAuthorizer } from '../../gateway/authorize/create-authorizer.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { openGuardedFederation, rightsOf, validatedOf } from '../support/guarded-federation.ts';

const repeat = (count: number, text: (n: string) => string): string =>
  Array.from({ length: count }, (_, n) => text(String(n))).join(' ');
const LARGE = buildSchema(`
  type Query { ${repeat(400, (n) => `t${n}(a: Int): T${n}`)} }
  ${repeat(400, (n) => `type T${n} { ${repeat(15, (m) => `f${m}(a: Int, b: String): T${String((Number(n) * 7 + Number(m)) % 400)}`)} }`)}
`);
const SMALL = buildSchema('type Query { user: User } type User { name: String friends: [User!]! }');
const FIELDS =
  'fragment F on __Schema { types { name fields { name args { name type { name } } type { name } } } }';
const checkSize = createIntrospectionLimit();

const ask =
  (schema: typeof LARGE, document: string, variables = {}) =>
  () => {
    const parsed = parse(document);
    const [operation] = parsed.definitions;
    const asked =
      operation?.kind === Kind.OPERATION_DEFINITION
        ? operation.selectionSet.selections.filter((one): one is FieldNode => one.kind === Kind.FIELD)
        : [];
    checkSize(schema, asked, fragmentsOf(parsed), variables);
  };
const tooMuch: unknown = expect.objectContaining({ code: 'LIMIT_COST_EXCEEDED', status: 400 });

test('what tools ask of a large schema is answered', () => {
  const options = { inputValueDeprecation: true, specifiedByUrl: true, schemaDescription: true };
  expect(ask(LARGE, getIntrospectionQuery(options))).not.toThrow();
  expect(ask(LARGE, `{ __schema { ...F } } ${FIELDS}`)).not.toThrow();
});

test('a large schema asked for twenty times under aliases is refused', () => {
  expect(ask(LARGE, `{ ${repeat(20, (n) => `a${n}: __schema { ...F }`)} } ${FIELDS}`)).toThrow(tooMuch);
  const types = repeat(20, (n) => `a${n}: types { fields { name args { name } type { fields { name } } } }`);
  expect(ask(LARGE, `{ __schema { ${types} } }`)).toThrow(tooMuch);
});

test('lists within lists multiply, whatever type they begin at', () => {
  const nested = `fields { type { ${repeat(20, (n) => `a${n}: fields { name type { name } }`)} } }`;
  expect(ask(LARGE, `{ __schema { types { ${nested} } } }`)).toThrow(tooMuch);
  const types = `query ($name: String!) { ${repeat(10, (n) => `t${n}: __type(name: $name) { ${nested} }`)} }`;
  expect(ask(LARGE, types, { name: 'Query' })).toThrow(tooMuch);
  expect(ask(LARGE, types, { name: 'T1' })).not.toThrow();
  expect(ask(LARGE, types, { name: 'Nothing' })).not.toThrow();
});

test('of a small schema everything may be asked as a document of the usual limits can ask it', () => {
  const nested = 'types { fields { type { ofType { fields { type { fields { name } } } } } } }';
  expect(ask(SMALL, `{ ${repeat(20, (n) => `a${n}: __schema { ${nested} }`)} }`)).not.toThrow();
});

test('the gateway refuses it before it runs', () => {
  const sdl = `type Query { ${repeat(60, (n) => `t${n}: T${n}`)} } ${repeat(60, (n) => `type T${n} { ${repeat(15, (m) => `f${m}: T${m}`)} }`)}`;
  const { supergraph } = openGuardedFederation({ one: { sdl, resolvers: {} } });
  const clock = createFakeClock();
  const caller = { authenticated: true, scopes: [], policies: [] };
  const introspect = createIntrospect({ mode: 'filtered', views: createCallerViews({ clock }) });
  const authorize = createAuthorizer({ clock, mode: 'filter' });
  const run = (document: string) => () =>
    introspect(
      authorize(validatedOf({ document, caller }), supergraph, rightsOf(caller)),
      supergraph,
      rightsOf(caller),
    );
  const nested = repeat(20, (n) => `a${n}: fields { name type { name } }`);
  expect(run(`{ __schema { types { fields { type { ${nested} } } } } }`)).toThrow(tooMuch);
  expect(run(getIntrospectionQuery())).not.toThrow();
});
