import { buildSubgraphSchema } from '@apollo/subgraph';
import { guardSchema } from '@aduana/server-kit/graphql/guard';
import { refuseIntrospection } from '@aduana/subgraph/graphql/refuse-introspection';
import type { VerifiedToken } from '@aduana/core/tokens/access-token';
import { expect, test } from '@jest/globals';
import { execute, parse, specifiedRules, validate } from 'graphql';
import { openGuardedFederation } from '../support/guarded-federation.ts';
import { FEDERATION_LINK } from '../support/supergraph-of.ts';

const SDL = `${FEDERATION_LINK}
  type Query { other: String }
  type Patient @key(fields: "id") { id: ID! diagnosis: String @requiresScopes(scopes: [["patients:read"]]) }
  type Ward @key(fields: "id") @requiresScopes(scopes: [["wards:read"]]) { id: ID! }
`;
const schema = guardSchema(
  buildSubgraphSchema({
    typeDefs: parse(SDL),
    resolvers: { Patient: { __resolveReference: ({ id }: { id: string }) => ({ id, diagnosis: 'flu' }) } },
  }),
  SDL,
);
const ENTITIES = `query ($of: [_Any!]!) { _entities(representations: $of) { ... on Patient { diagnosis } ... on Ward { id } } }`;

test('a guarded field that is reached only through _entities is guarded there', async () => {
  const of = [{ __typename: 'Patient', id: '1' }];
  expect(await ask(ENTITIES, { of }, ['other:scope'])).toEqual({ _entities: [{ diagnosis: null }] });
  expect(await ask(ENTITIES, { of }, ['patients:read'])).toEqual({ _entities: [{ diagnosis: 'flu' }] });
  expect(await ask(ENTITIES, { of }, undefined)).toBeNull();
});

test('a guarded type cannot be entered as an entity', async () => {
  const of = [{ __typename: 'Ward', id: '1' }];
  expect(await ask(ENTITIES, { of }, ['patients:read'])).toEqual({ _entities: [null] });
});

test('a representation cannot smuggle a guarded value out', async () => {
  const of = [{ __typename: 'Patient', id: '1', diagnosis: 'mine', __proto__: { diagnosis: 'theirs' } }];
  expect(await ask(ENTITIES, { of }, [])).toEqual({ _entities: [{ diagnosis: null }] });
});

test('neither scopes nor joins open _service, and introspection is refused to everybody', async () => {
  expect(
    await ask('{ _service { sdl } }', {}, ['patients:read'], ['Query._service', '_Service.sdl']),
  ).toBeNull();
  for (const document of [
    '{ __schema { queryType { name } } }',
    '{ a: __type(name: "Patient") { name } }',
    '{ ... { ... on Query { __schema { __typename } } } }',
  ]) {
    const errors = validate(schema, parse(document), [...specifiedRules, refuseIntrospection]);
    expect(errors.map(({ extensions }) => extensions['code'])).toContain('INTROSPECTION_DISABLED');
  }
});

test('clients of the gateway have neither _entities nor _service', () => {
  const { supergraph } = openGuardedFederation({
    one: { sdl: SDL.slice(FEDERATION_LINK.length), resolvers: {} },
  });
  expect(Object.keys(supergraph.apiSchema.getQueryType()?.getFields() ?? {})).toEqual(['other']);
  expect(
    Object.keys(supergraph.apiSchema.getTypeMap()).filter(
      (name) => name.includes('__') && !name.startsWith('__'),
    ),
  ).toEqual([]);
});

async function ask(
  document: string,
  variableValues: Record<string, unknown>,
  scopes: string[] | undefined,
  join: string[] = [],
) {
  const token: VerifiedToken | undefined = scopes && {
    kid: 'k',
    scopes: new Set(scopes),
    claims: {
      iss: 'https://sts', aud: 'wards', sub: 'bff', client_id: 'bff', jti: 'j', iat: 0, exp: 1, scope: scopes.join(' '), roles: [],
      amr: [], auth_time: 0, root_jti: 'j', sub_kind: 'service', sub_iss: 'https://sts', join,
    },
  }; // prettier-ignore
  const { data } = await execute({
    schema,
    document: parse(document),
    variableValues,
    contextValue: { token },
  });
  return JSON.parse(JSON.stringify(data)) as unknown;
}
