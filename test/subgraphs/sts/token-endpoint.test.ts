import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { GRANT_TOKEN_EXCHANGE, TOKEN_TYPE_ACCESS_TOKEN } from '@aduana/core/tokens/token-exchange';
import { describeSigningKeys } from '../../support/signing-keys.ts';
import { describeStores } from '../../support/stores.ts';
import { basic, openTestSts, postForm, SECRETS, type TestSts } from '../../support/test-sts.ts';

const CLIENT_CREDENTIALS = { grant_type: 'client_credentials' };

describeSigningKeys('the token endpoint', (world) => {
  let sts: TestSts;
  beforeAll(async () => {
    sts = await openTestSts({ ...world, clients: ['bff'] });
  });
  afterAll(() => sts.close());
  const post = (body: string, headers = {}) => postForm(sts.call, '/sts/token', body, { headers });

  describe('takes only forms', () => {
    test('a JSON body is invalid_request', async () => {
      const { status, body } = await post('{"grant_type":"client_credentials"}', {
        'content-type': 'application/json',
        ...basic('bff'),
      });
      expect([status, body['error']]).toEqual([400, 'invalid_request']);
    });
    test('a form without a media type is invalid_request', async () => {
      const { status, body } = await post('grant_type=client_credentials', {
        'content-type': '',
        ...basic('bff'),
      });
      expect([status, body['error']]).toEqual([400, 'invalid_request']);
    });
  });

  describe('parameters', () => {
    test.each(['grant_type', 'scope', 'client_id', 'subject_token', 'unknown'])(
      'a repeated %s is refused',
      async (name) => {
        const { status, body } = await post(
          `grant_type=client_credentials&${name}=a&${name}=a`,
          basic('bff'),
        );
        expect([status, body['error']]).toEqual([400, 'invalid_request']);
      },
    );
    test('audience may repeat; two audiences are more than a token can have', async () => {
      const same = await post(
        'grant_type=client_credentials&audience=gateway&audience=gateway',
        basic('bff'),
      );
      const two = await post('grant_type=client_credentials&audience=gateway&audience=leads', basic('bff'));
      expect(same.status).toBe(200);
      expect([two.status, two.body['error']]).toEqual([400, 'invalid_target']);
    });
    test('an empty value counts as left out, an unknown parameter is ignored', async () => {
      const { status, claims } = await post('grant_type=client_credentials&scope=&whatever=1', basic('bff'));
      expect(status).toBe(200);
      expect(claims.scope).toBe('campaigns:read leads:read');
    });
    test('a missing grant_type is invalid_request, an unknown one unsupported_grant_type', async () => {
      const missing = await post('scope=leads%3Aread', basic('bff'));
      const unknown = await post('grant_type=password', basic('bff'));
      expect([missing.status, missing.body['error']]).toEqual([400, 'invalid_request']);
      expect([unknown.status, unknown.body['error']]).toEqual([400, 'unsupported_grant_type']);
    });
  });

  test.each([
    ['Basic and client_secret', { client_id: 'bff', client_secret: SECRETS['bff'] ?? '' }, basic('bff')],
    ['Basic and an assertion', { client_assertion: 'a.b.c', client_assertion_type: 'x' }, basic('bff')],
    [
      'client_secret and an assertion',
      { client_id: 'bff', client_secret: 'x', client_assertion: 'a.b.c' },
      {},
    ],
  ])('%s in one request is invalid_request', async (_name, form, headers) => {
    const { status, body } = await sts.token({ ...CLIENT_CREDENTIALS, ...form }, { headers });
    expect([status, body['error']]).toEqual([400, 'invalid_request']);
  });
  test('two Authorization headers are invalid_request', async () => {
    const { status, body } = await sts.token(CLIENT_CREDENTIALS, {
      headers: basic('bff'),
      repeated: ['authorization'],
    });
    expect([status, body['error']]).toEqual([400, 'invalid_request']);
  });

  test('credentials in the URL are refused', async () => {
    const { status, body } = await sts.token(CLIENT_CREDENTIALS, { search: 'client_id=bff&client_secret=x' });
    expect([status, body['error']]).toEqual([400, 'invalid_request']);
    expect(JSON.stringify(sts.records)).not.toContain('client_secret=x');
  });

  test('an answer with a token must not be cached, and names the granted scope', async () => {
    const { status, headers, body } = await sts.token(
      { ...CLIENT_CREDENTIALS, scope: 'leads:read leads:pii:read' },
      { headers: basic('bff') },
    );
    expect(status).toBe(200);
    expect(headers['cache-control']).toBe('no-store');
    expect(body).toMatchObject({ token_type: 'Bearer', scope: 'leads:read', expires_in: expect.any(Number) });
  });

  describe('errors are exactly those of the RFCs', () => {
    test('a failed Basic is 401 invalid_client with a challenge', async () => {
      const { status, headers, body } = await sts.token(CLIENT_CREDENTIALS, {
        headers: basic('bff', 'wrong'),
      });
      expect([status, body['error']]).toEqual([401, 'invalid_client']);
      expect(headers['www-authenticate']).toMatch(/^Basic /);
    });
    test('an unknown client and a wrong secret look alike', async () => {
      const wrong = await sts.token(CLIENT_CREDENTIALS, { headers: basic('bff', 'wrong') });
      const unknown = await sts.token(CLIENT_CREDENTIALS, { headers: basic('nobody', 'wrong') });
      expect(unknown).toEqual(wrong);
    });
    test('nothing of what was asked is left: invalid_scope', async () => {
      const { status, body } = await sts.token(
        { ...CLIENT_CREDENTIALS, scope: 'sts:keys:rotate' },
        { headers: basic('bff') },
      );
      expect([status, body['error']]).toEqual([400, 'invalid_scope']);
    });
    test('an audience that is not registered: invalid_target', async () => {
      const { status, body } = await sts.token(
        { ...CLIENT_CREDENTIALS, audience: 'sts' },
        { headers: basic('bff') },
      );
      expect([status, body['error']]).toEqual([400, 'invalid_target']);
    });
    test('an exchange by a service without an exchange entry: unauthorized_client', async () => {
      const { status, body } = await sts.token(
        { grant_type: GRANT_TOKEN_EXCHANGE, subject_token: 'x', subject_token_type: TOKEN_TYPE_ACCESS_TOKEN },
        { headers: basic('bff') },
      );
      expect([status, body['error']]).toEqual([400, 'unauthorized_client']);
    });
  });

  test('a client gets a token for itself, and no refresh token', async () => {
    const { body, claims } = await sts.token(CLIENT_CREDENTIALS, { headers: basic('bff') });
    expect(claims).toMatchObject({
      sub: 'bff',
      client_id: 'bff',
      aud: 'gateway',
      amr: ['client_secret_basic'],
    });
    expect(body).not.toHaveProperty('refresh_token');
  });

  test('a client_secret in the form authenticates as well', async () => {
    const form = { ...CLIENT_CREDENTIALS, client_id: 'bff', client_secret: SECRETS['bff'] ?? '' };
    const { status, claims } = await sts.token(form);
    expect([status, claims.amr]).toEqual([200, ['client_secret_post']]);
  });

  test('every token and every refusal has its audit event', async () => {
    const { claims } = await sts.token(CLIENT_CREDENTIALS, { headers: basic('bff') });
    const issued = sts.records.find(({ detail }) => detail?.['jti'] === claims.jti);
    expect(issued).toMatchObject({ type: 'token.issue', outcome: 'ALLOWED', actor: { sub: 'bff' } });
    await sts.token(CLIENT_CREDENTIALS, { headers: basic('bff', 'wrong') });
    expect(sts.records.at(-1)).toMatchObject({
      type: 'token.refuse',
      outcome: 'DENIED',
      actor: { sub: 'anonymous' },
      detail: { error: 'invalid_client' },
    });
  });
});

describeStores('a flood of unauthenticated callers', (openStore) => {
  test('is answered 429 and counted in two events, and known clients go on', async () => {
    const sts = await openTestSts({
      openStore,
      clients: ['bff'],
      environment: { ANONYMOUS_EVENTS_PER_MINUTE: '5' },
    });
    const strange = (): Promise<number> => sts.token(CLIENT_CREDENTIALS).then(({ status }) => status);
    for (let tries = 0; tries < 5; tries += 1) expect(await strange()).toBe(401);
    for (let tries = 0; tries < 20; tries += 1) expect(await strange()).toBe(429);
    expect((await sts.token(CLIENT_CREDENTIALS, { headers: basic('bff') })).status).toBe(200);
    await sts.close();
    const floods = sts.records.filter(({ type }) => type === 'request.flood');
    expect(floods.map(({ detail }) => detail?.['count'])).toEqual([1, 19]);
    expect(sts.records.filter(({ type }) => type === 'token.refuse')).toHaveLength(5);
  });
});
