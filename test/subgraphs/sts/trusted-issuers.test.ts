import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PeerIdentity } from '@aduana/core/mtls/peer-identity';
import {
  encodeCertificateChain,
  GRANT_TOKEN_EXCHANGE,
  TOKEN_TYPE_ACCESS_TOKEN,
  TOKEN_TYPE_JWT,
  TOKEN_TYPE_X509_SVID,
} from '@aduana/core/tokens/token-exchange';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { describeStores } from '../../support/stores.ts';
import { openTestSts, type TestSts, type TokenAnswer } from '../../support/test-sts.ts';

const pair = await generateKeyPair('RS256', { extractable: true });
const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'idp-1', alg: 'RS256', use: 'sig' };

/** Two issuers, one good, one whose key endpoint can be spoiled. */
async function openIssuers() {
  const state = { good: 0, bad: 0, badAnswer: '{"keys":[]}', redirect: false };
  const server: Server = createServer((request, response) => {
    if (request.url === '/good/jwks') {
      state.good += 1;
      response.end(JSON.stringify({ keys: [jwk] }));
      return;
    }
    state.bad += 1;
    if (state.redirect) response.writeHead(302, { location: '/good/jwks' });
    response.end(state.badAnswer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const entry = (name: string, more: string): string =>
    `  - { issuer: '${origin}/${name}', jwks_uri: '${origin}/${name}/jwks', algorithms: [RS256], audience: aduana, ${more} }\n`;
  const issuers =
    'version: 1\nissuers:\n' +
    entry('good', 'claims: { groups: { sales: bff, secops: admin }, realm.roles: { auditor: auditor } }') +
    entry('bad', 'claims: { groups: { sales: bff } }') +
    `  - { issuer: 'urn:mapped', jwks_uri: '${origin}/good/jwks', algorithms: [RS256], audience: aduana, typ: 'idp+jwt', subject_claim: user.id, claims: { groups: { sales: bff } }, scope_claims: { rights: { leads: ['leads:read'] } } }\n`;
  return { state, server, origin, issuers };
}

describeStores('trusted issuers', (openStore) => {
  let sts: TestSts;
  let gateway: PeerIdentity;
  let issuers: Awaited<ReturnType<typeof openIssuers>>;
  beforeAll(async () => {
    issuers = await openIssuers();
    const policies = Object.fromEntries(
      ['service_identities.yaml', 'iam_policies.yaml'].map((name) => [
        name,
        readFileSync(`policies/${name}`, 'utf8'),
      ]),
    );
    sts = await openTestSts({
      openStore,
      clients: [],
      policies: { ...policies, 'trusted_issuers.yaml': issuers.issuers },
    });
    gateway = await sts.peer('gateway');
  });
  afterAll(async () => {
    await sts.close();
    issuers.server.close();
  });
  beforeEach(() => {
    Object.assign(issuers.state, { badAnswer: '{"keys":[]}', redirect: false });
  });

  const seconds = (): number => Math.floor(Date.now() / 1000);
  function sign(claims: object = {}, header: object = {}): Promise<string> {
    const usual = { iss: `${issuers.origin}/good`, aud: 'aduana', sub: 'ana', groups: ['sales'] };
    return new SignJWT({ ...usual, iat: seconds(), exp: seconds() + 300, ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: 'idp-1', ...header })
      .sign(pair.privateKey);
  }
  const exchange = (
    subject_token: string,
    more: Readonly<Record<string, string>> = {},
  ): Promise<TokenAnswer> =>
    sts.token(
      {
        grant_type: GRANT_TOKEN_EXCHANGE,
        subject_token,
        subject_token_type: TOKEN_TYPE_JWT,
        audience: 'gateway',
        ...more,
      },
      { peer: gateway },
    );
  const outcome = ({ status, body }: TokenAnswer): unknown[] => [status, body['error']];

  test('a user of a trusted issuer gets a token with the roles of the claims, and is no service', async () => {
    const { claims } = await exchange(await sign());
    expect(claims).toMatchObject({
      sub: 'ana',
      sub_kind: 'user',
      sub_iss: `${issuers.origin}/good`,
      roles: ['bff'],
      scope: 'campaigns:read leads:read',
      amr: ['trusted_issuer'],
      act: { sub: 'gateway' },
    });
    expect(claims.exp).toBeLessThanOrEqual(seconds() + 300);
  });
  test('claims map from lists, nested names and several values', async () => {
    const { claims } = await exchange(
      await sign({ groups: ['secops', 'sales', 'unknown'], realm: { roles: 'auditor' } }),
    );
    expect(claims.roles).toEqual(['admin', 'auditor', 'bff']);
  });
  test('another claim may be the subject, and scopes of claims bound what the roles give', async () => {
    const token = await sign(
      { iss: 'urn:mapped', user: { id: 'u-7' }, rights: ['leads'] },
      { typ: 'idp+jwt' },
    );
    const { claims } = await exchange(token);
    expect(claims).toMatchObject({ sub: 'u-7', scope: 'leads:read' });
  });
  test('foreign scope, client_id, roles, cnf and policies are never copied', async () => {
    const forged = {
      scope: 'sts:keys:rotate',
      client_id: 'admin',
      roles: ['admin'],
      policies: ['x'],
      join: ['x'],
    };
    const { claims } = await exchange(await sign(forged));
    expect(claims).toMatchObject({
      roles: ['bff'],
      client_id: 'gateway',
      scope: 'campaigns:read leads:read',
    });
    expect(claims.policies).toBeUndefined();
  });
  test('what the issuer says of the login is in the token, and in what is made from that', async () => {
    const login = { acr: 'urn:example:mfa', auth_time: seconds() - 100 };
    const { body, claims } = await exchange(await sign(login));
    expect(claims).toMatchObject(login);
    const next = await exchange(String(body['access_token']), {
      subject_token_type: TOKEN_TYPE_ACCESS_TOKEN,
      audience: 'leads',
    });
    expect(next.claims).toMatchObject(login);
  });
  test.each<[string, object, object]>([
    ['no login', {}, { auth_time: 0 }],
    ['a list of classes', { acr: ['mfa'] }, { auth_time: 0 }],
    ['a class that no challenge can carry', { acr: 'a "b' }, { auth_time: 0 }],
    ['an empty class', { acr: '' }, { auth_time: 0 }],
    ['a login after the token', { auth_time: seconds() + 3600 }, { auth_time: 0 }],
    ['a login in milliseconds', { auth_time: Date.now() }, { auth_time: 0 }],
    ['a login as text', { auth_time: String(seconds()) }, { auth_time: 0 }],
    ['a login before the epoch', { auth_time: -1 }, { auth_time: 0 }],
  ])('of a token with %s nothing is made up', async (_name, login, expected) => {
    const { acr, auth_time: authTime } = (await exchange(await sign(login))).claims;
    expect({ acr, auth_time: authTime }).toEqual({ acr: undefined, ...expected });
  });
  test('a login is never later than its token', async () => {
    const iat = seconds() - 5;
    const { claims } = await exchange(await sign({ iat, auth_time: iat + 20 }));
    expect(claims.auth_time).toBe(iat);
  });
  test.each<[string, object, object]>([
    ['another audience', { aud: 'other' }, {}],
    ['no exp', { exp: undefined }, {}],
    ['no iat', { iat: undefined }, {}],
    ['an expired token', { exp: seconds() - 60 }, {}],
    ['the name of a service as its subject', { sub: 'bff' }, {}],
    ['a SPIFFE ID as its subject', { sub: 'spiffe://aduana.local/bff' }, {}],
    ['no subject', { sub: undefined }, {}],
    ['an actor', { act: { sub: 'somebody' } }, {}],
    ['a may_act', { may_act: { sub: 'somebody' } }, {}],
    ['another type', {}, { typ: 'dpop+jwt' }],
    ['an unknown kid', {}, { kid: 'other' }],
    ['a binding to a certificate that is not shown', { cnf: { 'x5t#S256': 'thumb' } }, {}],
    ['a binding to a key that cannot be proved', { cnf: { jkt: 'thumb' } }, {}],
    [
      'the wrong type of an issuer that has its own',
      { iss: 'urn:mapped', user: { id: 'u' } },
      { typ: 'JWT' },
    ],
  ])('a token with %s is refused', async (_name, claims, header) => {
    expect(outcome(await exchange(await sign(claims, header)))).toEqual([400, 'invalid_request']);
  });
  test('a token that is bound to the certificate beside it is accepted, and its holder is the actor', async () => {
    const actor = await sts.peer('actuator');
    const { claims } = await exchange(await sign({ cnf: { 'x5t#S256': actor.thumbprint } }), {
      actor_token: encodeCertificateChain(actor.chain),
      actor_token_type: TOKEN_TYPE_X509_SVID,
    });
    expect(claims).toMatchObject({ sub: 'ana', act: { sub: 'actuator' } });
  });

  describe('key endpoints', () => {
    test('an issuer that is not on the list causes no fetch', async () => {
      const before = { ...issuers.state };
      for (const iss of ['https://evil.example', `${issuers.origin}/other`, `${issuers.origin}/good/`, ''])
        expect(outcome(await exchange(await sign({ iss })))).toEqual([400, 'invalid_request']);
      expect([issuers.state.good, issuers.state.bad]).toEqual([before.good, before.bad]);
    });
    test('an issuer whose keys cannot be had is unavailable, and never affects another', async () => {
      issuers.state.badAnswer = 'not json';
      const token = await sign({ iss: `${issuers.origin}/bad` });
      expect(outcome(await exchange(token))).toEqual([503, 'temporarily_unavailable']);
      expect((await exchange(await sign())).status).toBe(200);
    });
    test('a redirect of a key endpoint is not followed', async () => {
      issuers.state.redirect = true;
      const before = issuers.state.good;
      const token = await sign({ iss: `${issuers.origin}/bad` });
      expect(outcome(await exchange(token))).toEqual([503, 'temporarily_unavailable']);
      expect(issuers.state.good).toBe(before);
    });
  });
});
