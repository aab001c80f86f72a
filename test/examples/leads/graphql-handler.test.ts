import { beforeAll, describe, expect, test } from '@jest/globals';
import type { Route, ServiceRequest, ServiceResponse } from '@aduana/core/http/route';
import { SecurityError } from '@aduana/core/errors/security-error';
import { createLog } from '@aduana/core/platform/log';
import type { VerifiedToken } from '@aduana/core/tokens/access-token';
import { createLeadsRoute } from '../../../examples/leads/graphql-route.ts';
import { createLeadBook } from '../../../examples/leads/lead-book.ts';
import { SAMPLE_CAMPAIGNS, SAMPLE_LEADS } from '../../../examples/leads/sample-leads.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const GATEWAY = { spiffeId: 'spiffe://aduana.local/gateway', thumbprint: 'T', chain: [], notAfter: Infinity };

function tokenWith(scope: string, extra: Partial<VerifiedToken['claims']> = {}): VerifiedToken {
  const claims: VerifiedToken['claims'] = {
    iss: 'https://localhost:8011', aud: 'leads', sub: 'bff', client_id: 'gateway', jti: 'j', root_jti: 'j',
    iat: 0, exp: 9e9, auth_time: 0, scope, roles: [], amr: [], sub_kind: 'service', sub_iss: 'sts',
    cnf: { 'x5t#S256': 'T' }, ...extra,
  }; // prettier-ignore
  return { claims, kid: 'k', scopes: new Set(scope.split(' ')) };
}

let route: Route;
let token = tokenWith('');

beforeAll(async () => {
  route = await createLeadsRoute({
    book: createLeadBook({ leads: SAMPLE_LEADS, campaigns: SAMPLE_CAMPAIGNS }, createFakeClock()),
    peers: new Set([GATEWAY.spiffeId]),
    verify: (text) =>
      text === 'good' ? Promise.resolve(token) : Promise.reject(new SecurityError('invalid_token')),
    mode: 'filter',
    log: createLog('silent', () => undefined),
  });
});

async function ask(query: string, change: Partial<ServiceRequest> = {}) {
  const request = {
    headers: { authorization: 'Bearer good' },
    headerCount: () => 1,
    peer: GATEWAY,
    encrypted: true,
    body: () => Promise.resolve(Buffer.from(JSON.stringify({ query }))),
    ...change,
  } as unknown as ServiceRequest;
  const response: ServiceResponse = await route.handle(request);
  const { data, errors = [] } = JSON.parse(String(response.body)) as {
    data?: Record<string, unknown> | null;
    errors?: { message: string; path?: unknown[]; extensions: { code: string } }[];
  };
  return { status: response.status, data, errors, codes: errors.map(({ extensions }) => extensions.code) };
}

describe('the leads subgraph', () => {
  test('answers the gateway with what the token allows', async () => {
    token = tokenWith('leads:read campaigns:read');
    const { status, data, errors } = await ask(
      '{ leads(first: 1) { company campaign { name } owner { id } } }',
    );
    expect({ status, errors }).toEqual({ status: 200, errors: [] });
    expect(data).toEqual({
      leads: [
        { company: 'Transportes Ebro', campaign: { name: 'Autumn fair in Zaragoza' }, owner: { id: 'bff' } },
      ],
    });
  });

  test('refuses contact details to a token without leads:pii:read, whatever the gateway asks', async () => {
    token = tokenWith('leads:read');
    const { data, errors } = await ask('{ lead(id: "lead-1") { company contact { email } } }');
    expect(data).toEqual({ lead: { company: 'Transportes Ebro', contact: null } });
    expect(errors).toEqual([
      { message: 'Unauthorized field or type', path: ['lead', 'contact'], extensions: { code: 'UNAUTHORIZED_FIELD_OR_TYPE' } },
    ]); // prettier-ignore
  });

  test('a policy holds only where the token names it', async () => {
    token = tokenWith('campaigns:read');
    expect((await ask('{ campaigns { spentEuros } }')).codes).toContain('UNAUTHORIZED_FIELD_OR_TYPE');
    token = tokenWith('campaigns:read', { policies: ['office_hours'] });
    expect((await ask('{ campaigns { spentEuros } }')).codes).toEqual([]);
  });

  test('a mutation needs leads:write, and nothing changes without it', async () => {
    const step = 'mutation { advanceLead(id: "lead-2", to: LOST, idempotencyKey: "k") { status } }';
    token = tokenWith('leads:read');
    expect((await ask(step)).codes).toEqual(['UNAUTHORIZED_FIELD_OR_TYPE']);
    expect((await ask('{ lead(id: "lead-2") { status } }')).data).toEqual({ lead: { status: 'NEW' } });
    token = tokenWith('leads:read leads:write');
    expect((await ask(step)).data).toEqual({ advanceLead: { status: 'LOST' } });
  });

  test('refuses who is not the gateway, shows no certificate, or has no valid token', async () => {
    const other = { ...GATEWAY, spiffeId: 'spiffe://aduana.local/bff' };
    expect(await ask('{ leads { id } }', { peer: other })).toMatchObject({ status: 403, codes: ['FORBIDDEN'] });
    expect(await ask('{ leads { id } }', { peer: undefined })).toMatchObject({ status: 403, codes: ['MTLS_REQUIRED'] });
    expect(await ask('{ leads { id } }', { headers: { authorization: 'Bearer bad' } })).toMatchObject({ status: 401, codes: ['invalid_token'] });
    expect(await ask('{ leads { id } }', { peer: { ...GATEWAY, thumbprint: 'other' } })).toMatchObject({ status: 401, codes: ['invalid_token'] });
  }); // prettier-ignore

  test('tells its schema to nobody', async () => {
    expect((await ask('{ __schema { types { name } } }')).codes).toEqual(['INTROSPECTION_DISABLED']);
    expect((await ask('{ _service { sdl } }')).codes).toEqual(['UNAUTHORIZED_FIELD_OR_TYPE']);
  });

  test('says what is wrong with a request, and nothing of itself', async () => {
    token = tokenWith('leads:read leads:write');
    expect((await ask('{ leads(first: 1000) { id } }')).codes).toEqual(['BAD_REQUEST']);
    expect((await ask('{ leads { nothing } }')).codes).toEqual(['GRAPHQL_VALIDATION_FAILED']);
    expect((await ask('{', {})).codes).toEqual(['GRAPHQL_PARSE_FAILED']);
    const broken = { body: () => Promise.resolve(Buffer.from('not json')) };
    expect(await ask('', broken)).toMatchObject({ status: 400, codes: ['BAD_REQUEST'] });
  });

  test('joins by key: a lead and its owner are found from a reference', async () => {
    token = tokenWith('leads:read');
    const { data } = await ask(
      '{ _entities(representations: [{ __typename: "Lead", id: "lead-9" }, { __typename: "ServiceIdentity", id: "actuator" }]) { ... on Lead { company } ... on ServiceIdentity { id leads { id } } } }',
    );
    expect(data).toEqual({
      _entities: [
        { company: 'Baltic Timber' },
        { id: 'actuator', leads: [{ id: 'lead-4' }, { id: 'lead-6' }, { id: 'lead-8' }] },
      ],
    });
  });
});
