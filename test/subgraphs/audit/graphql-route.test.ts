import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Route } from '@aduana/core/http/route';
import { createLog } from '@aduana/core/platform/log';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import { createGraphqlRoute } from '../../../subgraphs/audit/graphql-route.ts';
import { openTestLog, type TestLog } from '../../support/open-test-log.ts';
import { createServiceRequest } from '../../support/service-request.ts';
import { describeStores } from '../../support/stores.ts';

const GATEWAY = { spiffeId: 'spiffe://aduana.local/gateway', thumbprint: 'T', chain: [], notAfter: Infinity };
const SCOPES = ['audit:events:read', 'audit:proofs:read'];
const CLAIMS: AccessTokenClaims = {
  iss: 'https://localhost:8011', aud: 'audit', sub: 'auditor', client_id: 'gateway', jti: 'j', root_jti: 'j',
  iat: 0, exp: 9e9, auth_time: 0, scope: SCOPES.join(' '), roles: [], amr: [], sub_kind: 'service', sub_iss: 'sts',
  cnf: { 'x5t#S256': 'T' },
}; // prettier-ignore

describeStores('the audit subgraph', (openStore) => {
  let audit: TestLog;
  let route: Route;
  beforeAll(async () => {
    audit = await openTestLog(openStore);
    route = await createGraphqlRoute({
      ...audit.log,
      trustDomain: 'aduana.local',
      verify: () => Promise.resolve({ claims: CLAIMS, kid: 'k', scopes: new Set(SCOPES) }),
      mode: 'filter',
      log: createLog('silent', () => undefined),
    });
  });
  afterAll(() => audit.remove());

  async function ask(query: string, variables: object = {}) {
    const { status, body } = await route.handle(
      createServiceRequest({
        headers: { authorization: 'Bearer good' },
        peer: GATEWAY,
        encrypted: true,
        body: JSON.stringify({ query, variables }),
      }),
    );
    const { data, errors = [] } = JSON.parse(String(body)) as {
      data?: Record<string, unknown> | null;
      errors?: { message: string; extensions: { code: string } }[];
    };
    return { status, data, errors, codes: errors.map(({ extensions }) => extensions.code) };
  }

  test('hands out no cursor that it does not take back', async () => {
    const nothing = '{ auditEvents(first: 0) { edges { cursor } pageInfo { hasNextPage endCursor } } }';
    expect((await ask(nothing)).data).toEqual({
      auditEvents: { edges: [], pageInfo: { hasNextPage: true, endCursor: null } },
    });
    for (const cursor of ['', 'x', 'seq:-1', 'seq:1e3', 'seq:9'.padEnd(30, '9'), 'seq:1\n']) {
      const after = cursor === '' || cursor === 'x' ? cursor : Buffer.from(cursor).toString('base64url');
      expect((await ask(`{ auditEvents(after: "${after}") { edges { cursor } } }`)).codes).toEqual([
        'BAD_REQUEST',
      ]);
    }
    const beyond = Buffer.from('seq:999999999999999').toString('base64url');
    expect(
      (
        await ask(
          `{ auditEvents(after: "${beyond}") { edges { cursor } pageInfo { hasNextPage endCursor } } }`,
        )
      ).data,
    ).toEqual({ auditEvents: { edges: [], pageInfo: { hasNextPage: false, endCursor: null } } });
  });

  describe('says that it is the input of the caller', () => {
    test.each(['"abc"', '""', '-1', '1.5', '"1e3"', '"9999999999999999"', 'true', '[1]', '{ a: 1 }'])(
      'where the literal %s is no BigInt',
      async (size) => {
        const { status, codes } = await ask(`{ auditCheckpoint(size: ${size}) { size } }`);
        expect({ status, codes }).toEqual({ status: 400, codes: ['BAD_USER_INPUT'] });
      },
    );

    test.each(['abc', -1, 1.5, true, [1], { a: 1 }])('where the variable %j is no BigInt', async (size) => {
      const { status, codes } = await ask(`query ($size: BigInt) { auditCheckpoint(size: $size) { size } }`, {
        size,
      });
      expect({ status, codes }).toEqual({ status: 400, codes: ['BAD_USER_INPUT'] });
    });

    test('where a time is none, as a literal and as a variable', async () => {
      const literal = await ask('{ auditEvents(filter: { since: "yesterday" }) { edges { cursor } } }');
      const variable = await ask(
        'query ($since: DateTime) { auditEvents(filter: { since: $since }) { edges { cursor } } }',
        { since: 'yesterday' },
      );
      expect([literal.codes, variable.codes]).toEqual([['BAD_USER_INPUT'], ['BAD_USER_INPUT']]);
      expect(literal.errors[0]?.message).toBe('not an instant of RFC 3339');
    });
  });
});
