import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import {
  encodeCertificateChain,
  GRANT_TOKEN_EXCHANGE,
  TOKEN_TYPE_ACCESS_TOKEN,
  TOKEN_TYPE_JWT,
  TOKEN_TYPE_X509_SVID,
} from '@aduana/core/tokens/token-exchange';
import { decodeJwt } from 'jose';
import { BAD_LEAVES } from '../../support/test-ca.ts';
import { describeSigningKeys } from '../../support/signing-keys.ts';
import { describeOneStore } from '../../support/stores.ts';
import { basic, openTestSts } from '../../support/test-sts.ts';
import { openExchangeWorld, outcomeOf } from '../../support/exchange-world.ts';

describeSigningKeys('token exchange', (signing) => {
  const world = openExchangeWorld(signing);
  const { exchange, tokenOf } = world;

  test('actor_token and actor_token_type belong together', async () => {
    expect(outcomeOf(await exchange({ actor_token: world.bffToken }))).toEqual([400, 'invalid_request']);
    expect(outcomeOf(await exchange({ actor_token_type: TOKEN_TYPE_JWT }))).toEqual([400, 'invalid_request']);
  });

  test('an unsupported requested_token_type is invalid_request', async () => {
    const refresh = 'urn:ietf:params:oauth:token-type:refresh_token';
    expect(outcomeOf(await exchange({ requested_token_type: refresh }))).toEqual([400, 'invalid_request']);
  });

  describe('a subject token that is not valid is invalid_request', () => {
    test.each([
      ['garbage', 'garbage'],
      ['a JWT of nobody', 'e30.e30.e30'],
      ['another type of token', 'eyJhbGciOiJub25lIn0.e30.'],
    ])('%s', async (_name, subject_token) => {
      expect(outcomeOf(await exchange({ subject_token }))).toEqual([400, 'invalid_request']);
    });
    test('a revoked one', async () => {
      const form = { token: world.bffToken };
      await world.sts.call({
        path: '/sts/revoke',
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...basic('bff') },
        body: new URLSearchParams(form).toString(),
      });
      expect(outcomeOf(await exchange({}))).toEqual([400, 'invalid_request']);
    });
    test('an unknown audience or resource is invalid_target', async () => {
      expect(outcomeOf(await exchange({ audience: 'nobody' }))).toEqual([400, 'invalid_target']);
      expect(outcomeOf(await exchange({ resource: 'https://example.com/' }))).toEqual([
        400,
        'invalid_target',
      ]);
    });
    test('an unsupported subject_token_type is invalid_request', async () => {
      const saml = 'urn:ietf:params:oauth:token-type:saml2';
      expect(outcomeOf(await exchange({ subject_token_type: saml }))).toEqual([400, 'invalid_request']);
    });
  });

  test('the answer names the type of what it issues, and holds no refresh token', async () => {
    const { body } = await exchange({});
    expect(body).toMatchObject({ issued_token_type: TOKEN_TYPE_ACCESS_TOKEN, token_type: 'Bearer' });
    expect(body).not.toHaveProperty('refresh_token');
  });

  describe('an exchange only narrows', () => {
    test('scope: what is asked and held by the subject', async () => {
      const { claims } = await exchange({ scope: 'leads:read leads:pii:read' });
      expect(claims.scope).toBe('leads:read');
    });
    test('scope: never more than the subject token has', async () => {
      const narrow = await tokenOf('bff', 'campaigns:read');
      const answer = await exchange({ subject_token: narrow, scope: 'leads:read' });
      expect(outcomeOf(answer)).toEqual([400, 'invalid_scope']);
      const { claims } = await exchange({ subject_token: narrow });
      expect(claims.scope).toBe('campaigns:read');
    });
    test('no scope at all on demand', async () => {
      const { claims } = await exchange({ no_scope: 'true' });
      expect(claims.scope).toBe('');
    });
    test('life: not beyond the subject token', async () => {
      const { claims } = await exchange({});
      expect(claims.exp).toBeLessThanOrEqual(decodeJwt(world.bffToken).exp ?? 0);
    });
    test('a token with policies lives a minute at most', async () => {
      const { claims } = await exchange({ policies: 'office_hours', join: 'Lead.id Lead.ownerId' });
      expect(claims).toMatchObject({ policies: ['office_hours'], join: ['Lead.id', 'Lead.ownerId'] });
      expect(claims.exp - claims.iat).toBeLessThanOrEqual(60);
    });
    test('a narrowed token keeps how and when its subject authenticated, and its root', async () => {
      const root = decodeJwt(world.bffToken);
      const { claims } = await exchange({});
      expect(claims).toMatchObject({
        amr: ['client_secret_basic'],
        auth_time: root['auth_time'],
        root_jti: root.jti,
      });
    });
  });

  test('a token that is neither addressed to nor issued for the requester is refused', async () => {
    const forLeads = await exchange({});
    const subject = String(forLeads.body['access_token']);
    const leads = await world.sts.peer('leads');
    expect(outcomeOf(await exchange({ subject_token: subject }, leads))).toEqual([
      400,
      'unauthorized_client',
    ]);
    const { body } = await world.sts.token(
      { grant_type: 'client_credentials', audience: 'sts' },
      { headers: basic('operator') },
    );
    const answer = await exchange({ subject_token: String(body['access_token']) });
    expect(outcomeOf(answer)).toEqual([400, 'invalid_request']);
  });

  test('the token is bound to the certificate of the requester', async () => {
    const { claims } = await exchange({});
    expect(claims.cnf).toEqual({ 'x5t#S256': world.gateway.thumbprint });
  });

  describe('a certificate as the subject', () => {
    const svid = { subject_token_type: TOKEN_TYPE_X509_SVID, audience: 'gateway' };
    test('gives a token of its service', async () => {
      const { chain } = await world.sts.peer('bff');
      const { claims } = await exchange({ ...svid, subject_token: encodeCertificateChain(chain) });
      expect(claims).toMatchObject({ sub: 'bff', amr: ['x509_svid'], scope: 'campaigns:read leads:read' });
    });
    test.each(BAD_LEAVES)('of kind %s is refused', async (kind) => {
      const { chain } = await world.sts.ca.issueBad(kind, 'bff');
      const answer = await exchange({ ...svid, subject_token: encodeCertificateChain(chain) });
      expect(outcomeOf(answer)).toEqual([400, 'invalid_request']);
    });
  });
});

describeOneStore('token exchange under other policies', (openStore) => {
  test("a token for a service lives no longer than the service's own entry allows", async () => {
    const read = (name: string) => readFileSync(`policies/${name}`, 'utf8');
    const identities = read('service_identities.yaml').replace('max_ttl_seconds: 900', 'max_ttl_seconds: 70');
    const sts = await openTestSts({
      openStore,
      clients: [],
      policies: { 'service_identities.yaml': identities, 'iam_policies.yaml': read('iam_policies.yaml') },
    });
    const { chain } = await sts.peer('bff');
    const form = {
      grant_type: GRANT_TOKEN_EXCHANGE,
      subject_token: encodeCertificateChain(chain),
      subject_token_type: TOKEN_TYPE_X509_SVID,
      audience: 'gateway',
    };
    const { claims } = await sts.token(form, { peer: await sts.peer('gateway') });
    await sts.close();
    expect(claims.sub).toBe('bff');
    expect(claims.exp - claims.iat).toBe(70);
  });
});
