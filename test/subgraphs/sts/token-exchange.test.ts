import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import type { PeerIdentity } from '@aduana/core/mtls/peer-identity';
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
import { basic, openTestSts, type TestSts, type TokenAnswer } from '../../support/test-sts.ts';

describeSigningKeys('token exchange', (world) => {
  let sts: TestSts;
  let gateway: PeerIdentity;
  let bffToken: string;
  beforeAll(async () => {
    sts = await openTestSts({ ...world, clients: ['bff', 'operator'] });
    gateway = await sts.peer('gateway');
  });
  afterAll(() => sts.close());
  beforeEach(async () => {
    bffToken = await tokenOf('bff');
  });

  async function tokenOf(service: string, scope = ''): Promise<string> {
    const { body } = await sts.token(
      { grant_type: 'client_credentials', scope },
      { headers: basic(service) },
    );
    return String(body['access_token']);
  }
  function exchange(form: Readonly<Record<string, string>>, peer = gateway): Promise<TokenAnswer> {
    return sts.token(
      {
        grant_type: GRANT_TOKEN_EXCHANGE,
        subject_token: bffToken,
        subject_token_type: TOKEN_TYPE_ACCESS_TOKEN,
        audience: 'leads',
        ...form,
      },
      { peer },
    );
  }
  const outcome = ({ status, body }: TokenAnswer): unknown[] => [status, body['error']];

  test('actor_token and actor_token_type belong together', async () => {
    expect(outcome(await exchange({ actor_token: bffToken }))).toEqual([400, 'invalid_request']);
    expect(outcome(await exchange({ actor_token_type: TOKEN_TYPE_JWT }))).toEqual([400, 'invalid_request']);
  });

  test('an unsupported requested_token_type is invalid_request', async () => {
    const refresh = 'urn:ietf:params:oauth:token-type:refresh_token';
    expect(outcome(await exchange({ requested_token_type: refresh }))).toEqual([400, 'invalid_request']);
  });

  describe('a subject token that is not valid is invalid_request', () => {
    test.each([
      ['garbage', 'garbage'],
      ['a JWT of nobody', 'e30.e30.e30'],
      ['another type of token', 'eyJhbGciOiJub25lIn0.e30.'],
    ])('%s', async (_name, subject_token) => {
      expect(outcome(await exchange({ subject_token }))).toEqual([400, 'invalid_request']);
    });
    test('a revoked one', async () => {
      const form = { token: bffToken };
      await sts.call({
        path: '/sts/revoke',
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...basic('bff') },
        body: new URLSearchParams(form).toString(),
      });
      expect(outcome(await exchange({}))).toEqual([400, 'invalid_request']);
    });
    test('an unknown audience or resource is invalid_target', async () => {
      expect(outcome(await exchange({ audience: 'nobody' }))).toEqual([400, 'invalid_target']);
      expect(outcome(await exchange({ resource: 'https://example.com/' }))).toEqual([400, 'invalid_target']);
    });
    test('an unsupported subject_token_type is invalid_request', async () => {
      const saml = 'urn:ietf:params:oauth:token-type:saml2';
      expect(outcome(await exchange({ subject_token_type: saml }))).toEqual([400, 'invalid_request']);
    });
  });

  test('the answer names the type of what it issues, and holds no refresh token', async () => {
    const { body } = await exchange({});
    expect(body).toMatchObject({ issued_token_type: TOKEN_TYPE_ACCESS_TOKEN, token_type: 'Bearer' });
    expect(body).not.toHaveProperty('refresh_token');
  });

  describe('the chain of actors', () => {
    test('the requester is the actor, also without an actor token', async () => {
      const { claims } = await exchange({});
      expect(claims).toMatchObject({ sub: 'bff', client_id: 'gateway', act: { sub: 'gateway' } });
    });
    test('earlier actors are nested beneath the current one', async () => {
      const actor = await sts.peer('actuator');
      const first = await exchange({
        audience: 'gateway',
        actor_token: encodeCertificateChain(actor.chain),
        actor_token_type: TOKEN_TYPE_X509_SVID,
      });
      expect(first.claims.act).toMatchObject({ sub: 'actuator' });
      const second = await exchange({ subject_token: String(first.body['access_token']) });
      expect(second.claims.act).toMatchObject({ sub: 'gateway', act: { sub: 'actuator' } });
    });
    test('a chain that would be deeper than 8 is refused, not cut', async () => {
      let subject = bffToken;
      let answer: TokenAnswer | undefined;
      for (let depth = 1; depth <= 9; depth += 1) {
        const actor = await sts.peer(depth % 2 === 0 ? 'actuator' : 'operator');
        answer = await exchange({
          subject_token: subject,
          audience: 'gateway',
          actor_token: encodeCertificateChain(actor.chain),
          actor_token_type: TOKEN_TYPE_X509_SVID,
        });
        if (answer.status === 200) subject = String(answer.body['access_token']);
      }
      expect(answer && outcome(answer)).toEqual([400, 'invalid_request']);
    });
    test('claims of the deployment cannot be set by parameters', async () => {
      const { claims } = await exchange({
        act: '{"sub":"admin"}',
        client_id: 'gateway',
        cnf: '{}',
        roles: 'admin',
      });
      expect(claims).toMatchObject({ roles: ['bff'], act: { sub: 'gateway' } });
    });
  });

  test('only the subject and the current actor authorize: a scope that only a former actor has is not granted', async () => {
    const actor = await sts.peer('actuator');
    const answer = await exchange({
      audience: 'leads',
      scope: 'leads:write',
      actor_token: encodeCertificateChain(actor.chain),
      actor_token_type: TOKEN_TYPE_X509_SVID,
    });
    expect(outcome(answer)).toEqual([400, 'invalid_scope']);
  });

  test('a delegated subject token keeps its actors', async () => {
    const first = await exchange({ audience: 'gateway' });
    const second = await exchange({ subject_token: String(first.body['access_token']) });
    expect(second.claims.act).toBeDefined();
  });

  describe('an exchange only narrows', () => {
    test('scope: what is asked and held by the subject', async () => {
      const { claims } = await exchange({ scope: 'leads:read leads:pii:read' });
      expect(claims.scope).toBe('leads:read');
    });
    test('scope: never more than the subject token has', async () => {
      const narrow = await tokenOf('bff', 'campaigns:read');
      const answer = await exchange({ subject_token: narrow, scope: 'leads:read' });
      expect(outcome(answer)).toEqual([400, 'invalid_scope']);
      const { claims } = await exchange({ subject_token: narrow });
      expect(claims.scope).toBe('campaigns:read');
    });
    test('no scope at all on demand', async () => {
      const { claims } = await exchange({ no_scope: 'true' });
      expect(claims.scope).toBe('');
    });
    test('life: not beyond the subject token', async () => {
      const { claims } = await exchange({});
      expect(claims.exp).toBeLessThanOrEqual(decodeJwt(bffToken).exp ?? 0);
    });
    test('a token with policies lives a minute at most', async () => {
      const { claims } = await exchange({ policies: 'office_hours', join: 'Lead.id Lead.ownerId' });
      expect(claims).toMatchObject({ policies: ['office_hours'], join: ['Lead.id', 'Lead.ownerId'] });
      expect(claims.exp - claims.iat).toBeLessThanOrEqual(60);
    });
    test('a narrowed token keeps how and when its subject authenticated, and its root', async () => {
      const root = decodeJwt(bffToken);
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
    const leads = await sts.peer('leads');
    expect(outcome(await exchange({ subject_token: subject }, leads))).toEqual([400, 'unauthorized_client']);
    const { body } = await sts.token(
      { grant_type: 'client_credentials', audience: 'sts' },
      { headers: basic('operator') },
    );
    const answer = await exchange({ subject_token: String(body['access_token']) });
    expect(outcome(answer)).toEqual([400, 'invalid_request']);
  });

  test('the actor is in the introspection answer and in the audit event', async () => {
    const { claims, body } = await exchange({});
    const event = sts.records.find(({ detail }) => detail?.['jti'] === claims.jti);
    expect(event).toMatchObject({ type: 'token.exchange', actor: { sub: 'bff', act: ['gateway'] } });
    const answer = await sts.call({
      path: '/sts/introspect',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      peer: gateway,
      body: new URLSearchParams({ token: String(body['access_token']) }).toString(),
    });
    expect(JSON.parse(String(answer.body))).toMatchObject({ active: true, act: { sub: 'gateway' } });
  });

  test('the token is bound to the certificate of the requester', async () => {
    const { claims } = await exchange({});
    expect(claims.cnf).toEqual({ 'x5t#S256': gateway.thumbprint });
  });

  describe('a certificate as the subject', () => {
    const svid = { subject_token_type: TOKEN_TYPE_X509_SVID, audience: 'gateway' };
    test('gives a token of its service', async () => {
      const { chain } = await sts.peer('bff');
      const { claims } = await exchange({ ...svid, subject_token: encodeCertificateChain(chain) });
      expect(claims).toMatchObject({ sub: 'bff', amr: ['x509_svid'], scope: 'campaigns:read leads:read' });
    });
    test.each(BAD_LEAVES)('of kind %s is refused', async (kind) => {
      const { chain } = await sts.ca.issueBad(kind, 'bff');
      const answer = await exchange({ ...svid, subject_token: encodeCertificateChain(chain) });
      expect(outcome(answer)).toEqual([400, 'invalid_request']);
    });
  });

  test('a suspended actor is refused at once', async () => {
    const actor = await sts.peer('actuator');
    const form = {
      audience: 'gateway',
      actor_token: encodeCertificateChain(actor.chain),
      actor_token_type: TOKEN_TYPE_X509_SVID,
    };
    const before = await exchange(form);
    await suspend('actuator');
    expect(outcome(await exchange(form))).toEqual([400, 'invalid_request']);
    const late = await exchange({ subject_token: String(before.body['access_token']) });
    expect(outcome(late)).toEqual([400, 'invalid_request']);
    await suspend('actuator', 'service_restored');
    expect((await exchange(form)).status).toBe(200);
  });

  async function suspend(service: string, kind = 'service_suspended'): Promise<void> {
    const answer = await sts.call({
      path: '/sts/status',
      headers: { 'content-type': 'application/json' },
      peer: await sts.peer('admin'),
      body: JSON.stringify({ entries: [{ id: `${kind}:${service}`, kind, service }] }),
    });
    expect(answer.status).toBe(200);
  }
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
