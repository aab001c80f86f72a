import type { SecureRequest } from '@aduana/core/mtls-client/secure-peer';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { ServiceRequest } from '@aduana/core/http/route';
import { Secret } from '@aduana/core/secrets/secret';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { createApiRoute } from '../../../examples/bff/api-route.ts';

const LEADS = { data: { leads: [{ id: 'lead-1', contact: null }] } };
const REFUSAL = {
  message: 'Unauthorized field or type',
  path: ['leads', '@', 'contact'],
  extensions: { code: 'UNAUTHORIZED_FIELD_OR_TYPE', rule: 'internal' },
};

describe('the BFF', () => {
  const asked: SecureRequest[] = [];
  let gateway: { status: number; body: unknown } | SecurityError;
  let ownTokens: number;

  beforeEach(() => {
    asked.length = 0;
    ownTokens = 0;
    gateway = { status: 200, body: { ...LEADS, errors: [REFUSAL] } };
  });

  const route = createApiRoute({
    gateway: {
      origin: 'https://localhost:4443',
      request(request) {
        asked.push(request);
        if (gateway instanceof SecurityError) return Promise.reject(gateway);
        const { status, body } = gateway;
        return Promise.resolve({ status, headers: { 'audit-id': 'event-1' }, body: Buffer.from(JSON.stringify(body)) });
      },
    },
    ownToken() {
      ownTokens += 1;
      return Promise.resolve(Secret.of('own'));
    },
    browser: { publicHosts: [], allowedOrigins: [] },
  }); // prettier-ignore

  function call(operation: string, variables: unknown = {}, headers: Record<string, string> = {}) {
    const request = {
      path: `/api/${operation}`,
      headers: { host: 'localhost:8080', 'content-type': 'application/json', ...headers },
      headerCount: () => 1,
      encrypted: false,
      body: () => Promise.resolve(Buffer.from(JSON.stringify({ variables }))),
    } as unknown as ServiceRequest;
    return route.handle(request);
  }

  test('answers with data and with what was refused, and nothing else of the gateway', async () => {
    const { status, body } = await call('leads');
    expect(status).toBe(200);
    expect(JSON.parse(String(body))).toEqual({
      ...LEADS,
      refused: [{ path: 'leads.@.contact', code: 'UNAUTHORIZED_FIELD_OR_TYPE' }],
      auditId: 'event-1',
    });
    expect(asked[0]?.headers).toMatchObject({ authorization: 'Bearer own' });
  });

  test('asks with a user’s token alone, and never falls back to its own rights', async () => {
    await call('leads', {}, { authorization: 'Bearer user-jwt' });
    expect(asked[0]?.headers).toMatchObject({ authorization: 'Bearer user-jwt' });
    gateway = { status: 401, body: { errors: [{ message: 'x', extensions: { code: 'UNAUTHENTICATED' } }] } };
    await expect(call('leads', {}, { authorization: 'Bearer user-jwt' })).rejects.toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
    expect({ ownTokens, asked: asked.length }).toEqual({ ownTokens: 0, asked: 2 });
  }); // prettier-ignore

  test('writes for a signed-in user only', async () => {
    const step = { id: 'lead-1', to: 'LOST', idempotencyKey: '0123456789' };
    await expect(call('advance-lead', step)).rejects.toMatchObject({ code: 'UNAUTHENTICATED', status: 401 });
    expect(asked).toEqual([]);
    await call('advance-lead', step, { authorization: 'Bearer user-jwt' });
    expect(JSON.parse(String(asked[0]?.body))).toMatchObject({ variables: step });
  });

  test.each([
    ['another operation', 'drop-everything', {}, {}, 404],
    ['a document of the page’s own', 'leads', { document: '{ secrets }' }, {}, 400],
    ['a variable out of bounds', 'leads', { first: 100_000 }, {}, 400],
    ['a form', 'leads', {}, { 'content-type': 'text/plain' }, 415],
    ['a page of another origin', 'leads', {}, { origin: 'https://evil.example' }, 403],
    ['a cross-site fetch', 'leads', {}, { 'sec-fetch-site': 'cross-site' }, 403],
    ['another host name', 'leads', {}, { host: 'evil.example' }, 421],
    ['Basic credentials', 'leads', {}, { authorization: 'Basic eDp5' }, 401],
  ] as const)('refuses %s before anything is asked', async (_, operation, variables, headers, status) => {
    await expect(call(operation, variables, headers)).rejects.toMatchObject({ status });
    expect(asked).toEqual([]);
  });

  test.each([
    [403, 'FORBIDDEN', 403],
    [429, 'RATE_LIMITED', 429],
    [500, 'GATEWAY_UNAVAILABLE', 502],
    [503, 'GATEWAY_UNAVAILABLE', 502],
    [401, 'GATEWAY_UNAVAILABLE', 502],
  ] as const)('a gateway that answers %i becomes %s', async (answered, code, status) => {
    gateway = { status: answered, body: { errors: [REFUSAL] } };
    await expect(call('leads')).rejects.toMatchObject({ code, status });
  });

  test('a gateway that does not answer is a 502', async () => {
    gateway = new SecurityError('GATEWAY_UNAVAILABLE', { detail: 'ECONNREFUSED' });
    await expect(call('leads')).rejects.toMatchObject({ status: 502, message: 'The gateway did not answer' });
  });
});
