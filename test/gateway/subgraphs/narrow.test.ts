import { describe, expect, test } from '@jest/globals';
import { openGuardedFederation } from '../../support/guarded-federation.ts';

const USERS = { e1: { email: 'e1', name: 'Ada' } };
const federation = openGuardedFederation({
  users: {
    sdl: `
      type Query { me: User }
      type User @key(fields: "email") { name: String @requiresScopes(scopes: [["users:name"], ["users:all"]]) email: String @requiresScopes(scopes: [["users:email"]]) weight: Int @requiresScopes(scopes: [["users:weight"]]) hours: String @policy(policies: [["office"]]) }
    `,
    resolvers: {
      Query: { me: () => ({ email: 'e1', name: 'Ada', weight: 3, hours: 'h' }) },
      User: { __resolveReference: ({ email }: { email: 'e1' }) => USERS[email] },
    },
  },
  reviews: {
    sdl: `
      type User @key(fields: "email") { email: String weight: Int @external reviews: [String] @requiresScopes(scopes: [["reviews:read"]]) plain: String price: Int @requires(fields: "weight") @requiresScopes(scopes: [["users:weight"]]) }
    `,
    resolvers: {
      User: {
        __resolveReference: (reference: object) => reference,
        reviews: () => ['good'],
        plain: () => 'plain',
        price: ({ weight }: { weight: number }) => weight * 2,
      },
    },
  },
});

describe('the token for each subgraph carries the least that its fetches need', () => {
  test('one alternative that the caller holds, and only of what is selected', async () => {
    const caller = {
      authenticated: true,
      scopes: ['users:name', 'users:all', 'users:email', 'reviews:read'],
      policies: ['office'],
    };
    const { calls } = await federation.openGateway()({ document: '{ me { name } }', caller });
    expect(calls.map(({ narrowing }) => narrowing)).toEqual([
      { audience: 'users', scopes: ['users:all'], policies: [], join: [] },
    ]);
  });

  test('a policy that held', async () => {
    const caller = { authenticated: true, scopes: [], policies: ['office', 'other'] };
    const { calls, data } = await federation.openGateway()({ document: '{ me { hours } }', caller });
    expect(data).toEqual({ me: { hours: 'h' } });
    expect(calls[0]?.narrowing).toMatchObject({ scopes: [], policies: ['office'], join: [] });
  });

  test('a guarded key that the plan needs and the caller may not have travels as join, and serves', async () => {
    const caller = { authenticated: true, scopes: ['reviews:read'], policies: [] };
    const { calls, data, errors } = await federation.openGateway()({
      document: '{ me { reviews plain } }',
      caller,
    });
    expect({ data, errors }).toEqual({ data: { me: { reviews: ['good'], plain: 'plain' } }, errors: [] });
    expect(calls.map(({ narrowing }) => narrowing)).toEqual([
      { audience: 'users', scopes: [], policies: [], join: ['User.email'] },
      { audience: 'reviews', scopes: ['reviews:read'], policies: [], join: [] },
    ]);
  });

  test('a refused key is refused in the answer though the join needs it', async () => {
    const caller = { authenticated: true, scopes: ['reviews:read'], policies: [] };
    const { calls, data, errors } = await federation.openGateway()({
      document: '{ me { email reviews } }',
      caller,
    });
    expect(data).toEqual({ me: { email: null, reviews: ['good'] } });
    expect(errors.map(({ path }) => path)).toEqual([['me', 'email']]);
    expect(calls[0]?.narrowing.join).toEqual(['User.email']);
  });

  test('a guarded input of @requires travels as join, not as a scope that the client did not ask for', async () => {
    const caller = { authenticated: true, scopes: ['users:weight', 'users:email'], policies: [] };
    const { calls, data } = await federation.openGateway()({ document: '{ me { price } }', caller });
    expect(data).toEqual({ me: { price: 6 } });
    expect(calls.map(({ narrowing }) => narrowing)).toEqual([
      { audience: 'users', scopes: [], policies: [], join: ['User.email', 'User.weight'] },
      { audience: 'reviews', scopes: ['users:weight'], policies: [], join: [] },
    ]);
  });

  test('a selected key is a scope, not a join', async () => {
    const caller = { authenticated: true, scopes: ['users:email', 'reviews:read'], policies: [] };
    const { calls } = await federation.openGateway()({ document: '{ me { email reviews } }', caller });
    expect(calls[0]?.narrowing).toMatchObject({ scopes: ['users:email'], join: [] });
  });

  test('dry_run mode joins nothing that the caller may not have: other subgraphs still refuse', async () => {
    const caller = { authenticated: true, scopes: [], policies: [] };
    const { calls } = await federation.openGateway('dry_run')({ document: '{ me { email } }', caller });
    expect(calls[0]?.narrowing).toMatchObject({ scopes: [], join: [] });
  });
});
