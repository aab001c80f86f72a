import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import {
  encodeCertificateChain,
  TOKEN_TYPE_ACCESS_TOKEN,
  TOKEN_TYPE_X509_SVID,
} from '@aduana/core/tokens/token-exchange';
import { exportJWK, generateKeyPair } from 'jose';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { type ClientFetch, type ServedSts, serveTestSts } from '../support/served-sts.ts';
import { describeStores } from '../support/stores.ts';
import { SECRETS } from '../support/test-sts.ts';

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const pair = await generateKeyPair('ES256', { extractable: true });
const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'bff-1', alg: 'ES256' };
const POLICIES = Object.fromEntries(
  ['service_identities.yaml', 'iam_policies.yaml', 'trusted_issuers.yaml'].map((name) => [
    name,
    readFileSync(`policies/${name}`, 'utf8').replace(
      'jwks: { keys: [] }',
      `jwks: ${JSON.stringify({ keys: [jwk] })}`,
    ),
  ]),
);
const BFF_SECRET = SECRETS['bff'] ?? '';

describeStores('foreign OAuth clients', (openStore) => {
  let sts: ServedSts;
  let plain: ClientFetch;
  let asGateway: ClientFetch;
  let asBff: ClientFetch;
  beforeAll(async () => {
    sts = await serveTestSts({ openStore, policies: POLICIES, clients: ['bff', 'operator'] });
    [plain, asGateway, asBff] = [await sts.fetchAs(), await sts.fetchAs('gateway'), await sts.fetchAs('bff')];
  });
  afterAll(() => sts.stop());

  describe('oauth4webapi', () => {
    let server: oauth.AuthorizationServer;
    const bff: oauth.Client = { client_id: 'bff' };
    beforeAll(async () => {
      const issuer = new URL(sts.origin);
      const response = await oauth.discoveryRequest(issuer, {
        algorithm: 'oauth2',
        [oauth.customFetch]: plain,
      });
      server = await oauth.processDiscoveryResponse(issuer, response);
    });
    const grant = async (
      authentication: oauth.ClientAuth,
      customFetch = plain,
      more: object = {},
    ): Promise<oauth.TokenEndpointResponse> => {
      const parameters = new URLSearchParams({ scope: 'leads:read' });
      const options = { [oauth.customFetch]: customFetch, ...more };
      const response = await oauth.clientCredentialsGrantRequest(
        server,
        bff,
        authentication,
        parameters,
        options,
      );
      return oauth.processClientCredentialsResponse(server, bff, response);
    };

    test.each<[string, () => oauth.ClientAuth]>([
      ['client_secret_basic', () => oauth.ClientSecretBasic(BFF_SECRET)],
      ['client_secret_post', () => oauth.ClientSecretPost(BFF_SECRET)],
      ['private_key_jwt', () => oauth.PrivateKeyJwt({ key: pair.privateKey, kid: 'bff-1' })],
    ])('gets a token by %s', async (_name, authentication) => {
      const answer = await grant(authentication());
      expect(answer).toMatchObject({ token_type: 'bearer', scope: 'leads:read' });
    });
    test('gets a bound token by tls_client_auth', async () => {
      const { access_token: token } = await grant(oauth.TlsClientAuth(), asBff);
      const { claims } = await sts.verifyAny(token);
      expect(claims.cnf).toHaveProperty('x5t#S256');
    });
    test('gets a DPoP token', async () => {
      const keys = await oauth.generateKeyPair('ES256', { extractable: true });
      const DPoP = oauth.DPoP(bff, keys);
      const answer = await grant(oauth.ClientSecretBasic(BFF_SECRET), plain, { DPoP });
      expect(answer.token_type).toBe('dpop');
    });
    test('is told that a wrong secret is invalid_client', async () => {
      await expect(grant(oauth.ClientSecretPost('wrong'))).rejects.toMatchObject({ error: 'invalid_client' });
    });
    test('accepts the JWT as an access token of RFC 9068', async () => {
      const { access_token: token } = await grant(oauth.ClientSecretBasic(BFF_SECRET));
      const request = new Request('https://localhost/graphql', {
        headers: { authorization: `Bearer ${token}` },
      });
      const claims = await oauth.validateJwtAccessToken(server, request, 'gateway', {
        [oauth.customFetch]: plain,
      });
      expect(claims).toMatchObject({ sub: 'bff', client_id: 'bff', scope: 'leads:read' });
    });
    test('exchanges a token on behalf of its subject', async () => {
      const { access_token: subject } = await grant(oauth.ClientSecretBasic(BFF_SECRET));
      const gateway: oauth.Client = { client_id: 'gateway' };
      const parameters = {
        subject_token: subject,
        subject_token_type: TOKEN_TYPE_ACCESS_TOKEN,
        audience: 'leads',
      };
      const response = await oauth.genericTokenEndpointRequest(
        server,
        gateway,
        oauth.TlsClientAuth(),
        EXCHANGE,
        parameters,
        {
          [oauth.customFetch]: asGateway,
        },
      );
      const answer = await oauth.processGenericTokenEndpointResponse(server, gateway, response);
      expect(answer['issued_token_type']).toBe(TOKEN_TYPE_ACCESS_TOKEN);
    });
    test('introspects and revokes', async () => {
      const { access_token: token } = await grant(oauth.ClientSecretBasic(BFF_SECRET));
      const operator: oauth.Client = { client_id: 'operator' };
      const operatorSecret = oauth.ClientSecretBasic(SECRETS['operator'] ?? '');
      const options = { [oauth.customFetch]: plain };
      const introspect = async (): Promise<boolean> =>
        (
          await oauth.processIntrospectionResponse(
            server,
            operator,
            await oauth.introspectionRequest(server, operator, operatorSecret, token, options),
          )
        ).active;
      expect(await introspect()).toBe(true);
      const secret = oauth.ClientSecretBasic(BFF_SECRET);
      await oauth.processRevocationResponse(
        await oauth.revocationRequest(server, bff, secret, token, options),
      );
      expect(await introspect()).toBe(false);
    });
  });

  describe('openid-client', () => {
    const configure = (
      authentication: openid.ClientAuth,
      id = 'bff',
      customFetch = plain,
    ): Promise<openid.Configuration> =>
      openid.discovery(new URL(sts.origin), id, undefined, authentication, {
        algorithm: 'oauth2',
        [openid.customFetch]: customFetch,
      });

    test.each<[string, () => openid.ClientAuth]>([
      ['client_secret_basic', () => openid.ClientSecretBasic(BFF_SECRET)],
      ['client_secret_post', () => openid.ClientSecretPost(BFF_SECRET)],
      ['private_key_jwt', () => openid.PrivateKeyJwt({ key: pair.privateKey, kid: 'bff-1' })],
    ])('gets, introspects and revokes a token by %s', async (_name, authentication) => {
      const configuration = await configure(authentication());
      const { access_token: token } = await openid.clientCredentialsGrant(configuration, {});
      const operator = await configure(openid.ClientSecretBasic(SECRETS['operator'] ?? ''), 'operator');
      expect((await openid.tokenIntrospection(operator, token)).active).toBe(true);
      await openid.tokenRevocation(configuration, token);
      expect((await openid.tokenIntrospection(operator, token)).active).toBe(false);
    });
    test('exchanges a certificate as the gateway', async () => {
      const configuration = await configure(openid.TlsClientAuth(), 'gateway', asGateway);
      const { chain } = await sts.ca.issue('bff');
      const answer = await openid.genericGrantRequest(configuration, EXCHANGE, {
        subject_token: encodeCertificateChain(chain),
        subject_token_type: TOKEN_TYPE_X509_SVID,
        audience: 'gateway',
      });
      const { claims } = await sts.verifyAny(answer.access_token);
      expect(claims).toMatchObject({ sub: 'bff', act: { sub: 'gateway' } });
    });
  });

  test('the token endpoint takes only POST', async () => {
    const answer = await plain(`${sts.origin}/sts/token`, {});
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
  });
});
