import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { VerifiedToken } from '@aduana/core/tokens/access-token';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { guardSchema } from '@aduana/subgraph';
import { admitNodeHttp } from '@aduana/subgraph/node-http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createLeadsHandler } from '../../../examples/leads/graphql-handler.ts';
import { createLeadBook } from '../../../examples/leads/lead-book.ts';
import { SAMPLE_CAMPAIGNS, SAMPLE_LEADS } from '../../../examples/leads/sample-leads.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

function tokenWith(scope: string, extra: Partial<VerifiedToken['claims']> = {}): VerifiedToken {
  const claims: VerifiedToken['claims'] = {
    iss: 'https://localhost:8011', aud: 'leads', sub: 'bff', client_id: 'gateway', jti: 'j', root_jti: 'j',
    iat: 0, exp: 9e9, auth_time: 0, scope, roles: [], amr: [], sub_kind: 'service', sub_iss: 'sts',
    cnf: { 'x5t#S256': 'T' }, ...extra,
  }; // prettier-ignore
  return { claims, kid: 'k', scopes: new Set(scope.split(' ')) };
}

let server: Server;
let token = tokenWith('');

beforeAll(async () => {
  const handle = await createLeadsHandler({
    book: createLeadBook({ leads: SAMPLE_LEADS, campaigns: SAMPLE_CAMPAIGNS }, createFakeClock()),
    guard: guardSchema,
    clock: createFakeClock(),
    log: createLog('silent', () => undefined),
  });
  server = createServer(admitNodeHttp({ admit: () => Promise.resolve(token) }, handle));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function ask(query: string, body = JSON.stringify({ query })) {
  const { port } = server.address() as AddressInfo;
  const response = await fetch(`http://127.0.0.1:${String(port)}/graphql`, { method: 'POST', body });
  const { data, errors = [] } = (await response.json()) as {
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

  test('shows its schema to nobody', async () => {
    expect((await ask('{ __schema { types { name } } }')).codes).toEqual(['INTROSPECTION_DISABLED']);
    expect((await ask('{ _service { sdl } }')).codes).toEqual(['UNAUTHORIZED_FIELD_OR_TYPE']);
  });

  test('says what is wrong with a request, and nothing of itself', async () => {
    token = tokenWith('leads:read leads:write');
    expect((await ask('{ leads(first: 1000) { id } }')).codes).toEqual(['BAD_REQUEST']);
    expect((await ask('{ leads { nothing } }')).codes).toEqual(['GRAPHQL_VALIDATION_FAILED']);
    expect((await ask('{')).codes).toEqual(['GRAPHQL_PARSE_FAILED']);
    expect(await ask('', 'not json')).toMatchObject({ status: 400, codes: ['BAD_REQUEST'] });
    expect(await ask('', 'x'.repeat(1_048_577))).toMatchObject({ status: 413, codes: ['PAYLOAD_TOO_LARGE'] });
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
