import { buildSubgraphSchema } from '@apollo/subgraph';
import { guardSchema } from '@aduana/server-kit/graphql/guard';
import type { VerifiedToken } from '@aduana/core/tokens/access-token';
import { expect, test } from '@jest/globals';
import { execute, parse } from 'graphql';
import { FEDERATION_LINK } from '../support/supergraph-of.ts';

const SDL = `${FEDERATION_LINK}
  type Query @authenticated { events: [String!] @requiresScopes(scopes: [["audit:read"]]) patient(id: ID!): Patient }
  type Mutation { suspend(id: ID!): Boolean @requiresScopes(scopes: [["iam:write"]]) }
  type Patient @key(fields: "id number") { id: ID! number: String @requiresScopes(scopes: [["patients:number"]]) }
`;
const ran: string[] = [];
const schema = guardSchema(
  buildSubgraphSchema({
    typeDefs: parse(SDL),
    resolvers: {
      Query: { events: () => ran.push('events') },
      Mutation: { suspend: () => ran.push('suspend') > 0 },
      Patient: { __resolveReference: ({ id }: { id: string }) => ({ id, number: '7' }) },
    },
  }),
  SDL,
);

test.each(['{ events }', 'mutation { suspend(id: "auditor") }'])(
  'whoever holds the gateway opens no root field by calling it a join: %s',
  async (document) => {
    const { errors } = await ask(document, ['Query.events', 'Mutation.suspend']);
    expect(errors?.map(({ originalError }) => originalError)).toMatchObject([
      { code: 'UNAUTHORIZED_FIELD_OR_TYPE' },
    ]);
    expect(ran).toEqual([]);
  },
);

test('a join still reaches the entities that a plan comes by', async () => {
  const document =
    '{ _entities(representations: [{ __typename: "Patient", id: "1" }]) { ... on Patient { number } } }';
  const join = ['Query._entities', 'Patient.number'];
  expect((await ask(document, join)).data).toEqual({ _entities: [{ number: '7' }] });
});

async function ask(document: string, join: readonly string[]) {
  const token: VerifiedToken = {
    kid: 'k',
    scopes: new Set(),
    claims: {
      iss: 'https://sts', aud: 'wards', sub: 'bff', client_id: 'gateway', jti: 'j', iat: 0, exp: 1, scope: '', roles: [],
      amr: [], auth_time: 0, root_jti: 'j', sub_kind: 'service', sub_iss: 'https://sts', join,
    },
  }; // prettier-ignore
  return execute({ schema, document: parse(document), contextValue: { token } });
}
