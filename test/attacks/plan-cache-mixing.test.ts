import { describe, expect, test } from '@jest/globals';
import type { OracleCaller } from '../support/oracle-world.ts';
import { openGuardedFederation } from '../support/guarded-federation.ts';

const ADMIN: OracleCaller = {
  authenticated: true,
  scopes: ['keys:rotate', 'leads:read', 'leads:pii'],
  policies: [],
};
const OTHER: OracleCaller = { authenticated: true, scopes: ['leads:read'], policies: [] };
const ran: string[] = [];

const federation = openGuardedFederation({
  keys: {
    sdl: `
      type Query { version: String }
      type Mutation { safe: Boolean rotateKeys: Boolean @requiresScopes(scopes: [["keys:rotate"]]) }
    `,
    resolvers: {
      Mutation: { safe: () => ran.push('safe') > 0, rotateKeys: () => ran.push('rotateKeys') > 0 },
    },
  },
  leads: {
    sdl: `
      type Query { lead: Lead @requiresScopes(scopes: [["leads:read"]]) }
      type Lead { score: Int contact: String @requiresScopes(scopes: [["leads:pii"]]) }
    `,
    resolvers: { Query: { lead: () => ({ score: 7, contact: 'Ada' }) } },
  },
});

describe('the plan is cached by the operation that runs, never by the one that was sent', () => {
  test('after an administrator ran it, the same document runs no refused mutation', async () => {
    const gateway = federation.openGateway();
    const document = 'mutation Rotate { safe rotateKeys }';
    expect((await gateway({ document, caller: ADMIN })).data).toEqual({ safe: true, rotateKeys: true });
    ran.length = 0;
    const { data, errors } = await gateway({ document, caller: OTHER });
    expect(data).toEqual({ safe: true, rotateKeys: null });
    expect(errors).toMatchObject([
      { path: ['rotateKeys'], extensions: { code: 'UNAUTHORIZED_FIELD_OR_TYPE' } },
    ]);
    expect(ran).toEqual(['safe']);
  });

  test('after a caller without the right, an administrator loses nothing', async () => {
    const gateway = federation.openGateway();
    const document = 'mutation Rotate { safe rotateKeys }';
    await gateway({ document, caller: OTHER });
    ran.length = 0;
    const { data, errors } = await gateway({ document, caller: ADMIN });
    expect({ data, errors, ran }).toEqual({
      data: { safe: true, rotateKeys: true },
      errors: [],
      ran: ['safe', 'rotateKeys'],
    });
  });

  test.each([
    ['more', 'less', ADMIN, OTHER],
    ['less', 'more', OTHER, ADMIN],
  ])(
    'warmed by the %s privileged caller, the %s privileged one gets its own answer',
    async (_, __, first, second) => {
      const gateway = federation.openGateway();
      const document = 'query Same { lead { score contact } }';
      for (const caller of [first, second, first]) {
        const { data } = await gateway({ document, caller });
        expect(data).toEqual({ lead: { score: 7, contact: caller === ADMIN ? 'Ada' : null } });
      }
    },
  );

  test('the tokens of one caller never serve the other, though the plan is the same', async () => {
    const gateway = federation.openGateway();
    const document = 'query Same { lead { score } }';
    const [first] = (await gateway({ document, caller: ADMIN })).calls;
    const [second] = (await gateway({ document, caller: OTHER })).calls;
    expect(first?.query).toBe(second?.query);
    expect(first?.narrowing).toEqual({ audience: 'leads', scopes: ['leads:read'], policies: [], join: [] });
    expect(second?.narrowing).toEqual(first?.narrowing);
  });

  test('two operations of one document are kept apart by their names', async () => {
    const gateway = federation.openGateway();
    const document = 'query One { lead { score } } query Two { lead { contact } }';
    expect((await gateway({ document, operationName: 'One', caller: ADMIN })).data).toEqual({
      lead: { score: 7 },
    });
    expect((await gateway({ document, operationName: 'Two', caller: ADMIN })).data).toEqual({
      lead: { contact: 'Ada' },
    });
    expect((await gateway({ document, operationName: 'Two', caller: OTHER })).data).toEqual({
      lead: { contact: null },
    });
  });

  test('the values of @skip and @include are part of the key', async () => {
    const gateway = federation.openGateway();
    const document = 'query ($no: Boolean!) { lead { score contact @skip(if: $no) } }';
    for (const no of [true, false, true]) {
      const { data } = await gateway({ document, variables: { no }, caller: ADMIN });
      expect(data).toEqual({ lead: no ? { score: 7 } : { score: 7, contact: 'Ada' } });
    }
  });

  test('a policy that no longer holds is decided again', async () => {
    const gateway = hours.openGateway();
    const document = '{ spent }';
    const at = async (policies: string[]) =>
      (await gateway({ document, caller: { ...OTHER, policies } })).data;
    expect(await at(['office_hours'])).toEqual({ spent: 5 });
    expect(await at([])).toBeNull();
    expect(await at(['office_hours'])).toEqual({ spent: 5 });
  });
});

const hours = openGuardedFederation({
  campaigns: {
    sdl: 'type Query { spent: Int @policy(policies: [["office_hours"]]) }',
    resolvers: { Query: { spent: () => 5 } },
  },
});
