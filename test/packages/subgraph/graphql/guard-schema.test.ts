import { buildSubgraphSchema } from '@apollo/subgraph';
import { guardSchema as guardByShield } from '@aduana/server-kit/graphql/guard';
import { guardSchema } from '@aduana/subgraph/graphql/guard-schema';
import { refuseIntrospection } from '@aduana/subgraph/graphql/refuse-introspection';
import type { VerifiedToken } from '@aduana/core/tokens/access-token';
import { describe, expect, test } from '@jest/globals';
import {
  execute,
  type ExecutionResult,
  type GraphQLObjectType,
  type GraphQLSchema,
  parse,
  specifiedRules,
  validate,
} from 'graphql';

const SDL = /* GraphQL */ `
  extend schema
    @link(
      url: "https://specs.apollo.dev/federation/v2.9"
      import: ["@key", { name: "@requiresScopes", as: "@needs" }, "@policy"]
    )
  type Query {
    me: User
    vault: Vault
    secret: String @needs(scopes: [["a", "b"], ["c"]])
    hours: String @policy(policies: [["office_hours"]])
    failing: String @needs(scopes: [["c"]])
    search: [Result]
  }
  type Mutation {
    burn: Boolean @federation__authenticated @needs(scopes: [["burn"]])
  }
  union Result = User | Vault
  type User @key(fields: "email") {
    name: String
    email: String @needs(scopes: [["email:read"]])
    token: Token
  }
  scalar Token @needs(scopes: [["c"]])
  type Vault @key(fields: "id") @needs(scopes: [["vault"]]) {
    id: ID
  }
`;

const GUARDS = [
  ['the guard of @aduana/subgraph', guardSchema],
  ['the guard of server-kit', guardByShield],
] as const;

describe.each(GUARDS)('%s', (_guard, guard) => {
  const schema = guard(subgraph(), SDL);
  const run = (text: string, held: VerifiedToken | undefined, variables: Record<string, unknown> = {}) =>
    runOn(schema, text, held, variables);

  test('resolves a guarded field only for scopes that satisfy one alternative whole', async () => {
    expect((await run('{ secret }', token(['a']))).data).toEqual({ secret: null });
    expect((await run('{ secret }', token(['a', 'b']))).data).toEqual({ secret: 'x' });
    expect((await run('{ secret }', token(['c']))).data).toEqual({ secret: 'x' });
  });

  test('refuses with the code of the deployment', async () => {
    const { errors } = await run('{ secret }', token([]));
    expect(errors?.[0]?.message).toBe('Unauthorized field or type');
    expect(errors?.[0]?.originalError).toMatchObject({ code: 'UNAUTHORIZED_FIELD_OR_TYPE' });
    expect(errors?.[0]?.path).toEqual(['secret']);
  });

  test('counts a policy only where the token says that it held', async () => {
    expect((await run('{ hours }', token(['office_hours']))).data).toEqual({ hours: null });
    expect((await run('{ hours }', token([], { policies: ['office_hours'] }))).data).toEqual({ hours: 'x' });
  });

  test('checks the type that a field returns, and each field of a guarded type', async () => {
    expect((await run('{ vault { __typename } }', token([]))).data).toEqual({ vault: null });
    expect((await run('{ me { token } }', token([]))).data).toEqual({ me: { token: null } });
    expect((await run('{ search { ... on Vault { id } } }', token([]))).data).toEqual({
      search: [{}, { id: null }],
    });
    expect((await run(entities, token([]), { of: [{ __typename: 'Vault', id: '1' }] })).data).toEqual({
      _entities: [{ id: null }],
    });
  });

  test('admits a join coordinate, and that one alone', async () => {
    const join = token([], { join: ['User.email'] });
    expect((await run('{ me { email } secret }', join)).data).toEqual({ me: { email: 'e' }, secret: null });
    expect((await run('{ me { email } }', token([], { join: ['Vault.email', 'User'] }))).data).toEqual({
      me: { email: null },
    });
  });

  test('runs no refused mutation', async () => {
    burnt.length = 0;
    expect((await run('mutation { burn }', token(['a']))).data).toEqual({ burn: null });
    expect(burnt).toEqual([]);
    expect((await run('mutation { burn }', token(['burn']))).data).toEqual({ burn: true });
    expect(burnt).toEqual([1]);
  });

  test('answers no root field without a token', async () => {
    expect((await run('{ me { name } }', undefined)).data).toEqual({ me: null });
  });

  test('lets the errors of resolvers pass as they are', async () => {
    const { errors } = await run('{ failing }', token(['c']));
    expect(errors?.[0]?.message).toBe('resolver failed');
  });

  test('shows its schema to nobody', async () => {
    const { data } = await run('{ _service { sdl } }', token(['a', 'b', 'c'], { join: ['Query._service'] }));
    expect(data).toBeNull();
    for (const document of [
      '{ __schema { types { name } } }',
      '{ me { name } __type(name: "User") { name } }',
    ]) {
      const [error] = validate(schema, parse(document), [...specifiedRules, refuseIntrospection]);
      expect(error?.extensions).toEqual({ code: 'INTROSPECTION_DISABLED' });
    }
  });

  test('refuses nothing in dry_run mode', async () => {
    const dry = guard(subgraph(), SDL, { mode: 'dry_run' });
    const result = await execute({
      schema: dry,
      document: parse('{ secret vault { id } }'),
      contextValue: { token: token([]) },
    });
    expect(result.data).toEqual({ secret: 'x', vault: { id: 'v' } });
  });

  test('leaves what is not guarded its own resolver', () => {
    const resolverOf = (of: GraphQLSchema) =>
      (of.getType('User') as GraphQLObjectType).getFields()['name']?.resolve;
    expect(resolverOf(schema)).toBe(resolverOf(subgraph()));
  });

  test.each([
    ['an empty list', '@needs(scopes: [])'],
    ['an empty alternative', '@needs(scopes: [[]])'],
    ['a list of one level', '@needs(scopes: ["a", "b"])'],
  ])('an SDL with %s as requirement is refused', (_, directive) => {
    const sdl = SDL.replace('@needs(scopes: [["email:read"]])', directive);
    expect(() => guard(subgraph(), sdl)).toThrow(
      expect.objectContaining({ code: 'SUPERGRAPH_INVALID', detail: expect.stringContaining('User.email') }),
    );
  });
});

const entities = 'query ($of: [_Any!]!) { _entities(representations: $of) { ... on Vault { id } } }';
const burnt: number[] = [];

function subgraph() {
  return buildSubgraphSchema({
    typeDefs: parse(SDL),
    resolvers: {
      Query: {
        me: () => ({ name: 'n', email: 'e', token: 't' }),
        vault: () => ({ id: 'v' }),
        secret: () => 'x',
        hours: () => 'x',
        failing: () => {
          throw new Error('resolver failed');
        },
        search: () => [{ __typename: 'User' }, { __typename: 'Vault', id: '1' }],
      },
      Mutation: { burn: () => burnt.push(1) > 0 },
      Result: { __resolveType: (value: { __typename: string }) => value.__typename },
      Vault: { __resolveReference: (reference: object) => reference },
    },
  });
}

async function runOn(
  schema: GraphQLSchema,
  text: string,
  held: VerifiedToken | undefined,
  variableValues: Record<string, unknown>,
): Promise<ExecutionResult> {
  const result = await execute({
    schema,
    document: parse(text),
    variableValues,
    contextValue: { token: held },
  });
  return plain(result);
}

/** graphql-js answers with objects that have no prototype. */
function plain({ data, ...rest }: ExecutionResult): ExecutionResult {
  return { ...rest, data: JSON.parse(JSON.stringify(data)) as ExecutionResult['data'] & object };
}

function token(scopes: string[], more: { policies?: string[]; join?: string[] } = {}): VerifiedToken {
  return {
    kid: 'k',
    scopes: new Set(scopes),
    claims: {
      iss: 'https://sts', aud: 'leads', sub: 'bff', client_id: 'bff', jti: 'j', iat: 0, exp: 1, scope: scopes.join(' '),
      roles: [], amr: [], auth_time: 0, root_jti: 'j', sub_kind: 'service', sub_iss: 'https://sts', ...more,
    },
  }; // prettier-ignore
}
