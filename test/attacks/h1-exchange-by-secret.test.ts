import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { PeerIdentity } from '@aduana/core/mtls/peer-identity';
import { Secret } from '@aduana/core/secrets/secret';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import {
  ASSERTION_TYPE_JWT_BEARER,
  encodeCertificateChain,
  GRANT_TOKEN_EXCHANGE,
  TOKEN_TYPE_ACCESS_TOKEN,
  TOKEN_TYPE_JWT,
  TOKEN_TYPE_X509_SVID,
} from '@aduana/core/tokens/token-exchange';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { createResolvers } from '../../subgraphs/admin/resolvers.ts';
import type { SubgraphContext } from '../../subgraphs/subgraph-route.ts';
import { MIGRATIONS } from '../../subgraphs/sts/migrations.ts';
import { createMemorySecrets } from '../support/memory-secrets.ts';
import { describeStores, type TestStore } from '../support/stores.ts';
import { basic, ISSUER, openTestSts, SECRETS, type TestSts, type TokenAnswer } from '../support/test-sts.ts';
import { permissivePolicies } from '../support/permissive-policies.ts';

const GATEWAY_SECRET = 'gateway-secret-0123456789';
const assertionKey = await generateKeyPair('ES256', { extractable: true });
const jwk = { ...(await exportJWK(assertionKey.publicKey)), kid: 'g-1', alg: 'ES256', use: 'sig' };

describeStores('H1 a secret is not enough to exchange a token', (openStore) => {
  let store: TestStore;
  let sts: TestSts;
  let gateway: PeerIdentity;
  let operator: PeerIdentity;
  beforeAll(async () => {
    const secrets = createMemorySecrets();
    for (const [id, secret] of Object.entries({ ...SECRETS, gateway: GATEWAY_SECRET }))
      if (['gateway', 'operator', 'bff'].includes(id))
        await secrets.put(`client-secrets/${id}`, Secret.of(secret), 0);
    store = await openStore('sts', MIGRATIONS);
    sts = await openTestSts({ openStore, store, secrets, policies: permissivePolicies(jwk) });
    gateway = await sts.peer('gateway');
    operator = await sts.peer('operator');
  });
  afterAll(() => sts.close());

  const asOperator = (): Readonly<Record<string, string>> => ({
    grant_type: GRANT_TOKEN_EXCHANGE,
    subject_token: encodeCertificateChain(operator.chain),
    subject_token_type: TOKEN_TYPE_X509_SVID,
    audience: 'gateway',
  });
  const outcome = ({ status, body }: TokenAnswer): unknown[] => [status, body['error'], body['access_token']];
  const REFUSED = [400, 'unauthorized_client', undefined];
  const withSecret = { headers: basic('gateway', GATEWAY_SECRET) };

  test('the secret works where a secret may: the attack does not fail for another reason', async () => {
    const answer = await sts.token({ grant_type: 'client_credentials', audience: 'sts' }, withSecret);
    expect(answer.status).toBe(200);
  });

  describe('a public certificate as the subject', () => {
    test('with the secret alone', async () => {
      expect(outcome(await sts.token(asOperator(), withSecret))).toEqual(REFUSED);
    });
    test.each(['bff', 'gateway', 'operator'])(
      'with the secret beside the certificate of %s',
      async (name) => {
        const peer = await sts.peer(name);
        expect(outcome(await sts.token(asOperator(), { ...withSecret, peer }))).toEqual(REFUSED);
      },
    );
    test('with the secret in the form', async () => {
      const form = { ...asOperator(), client_id: 'gateway', client_secret: GATEWAY_SECRET };
      expect(outcome(await sts.token(form))).toEqual(REFUSED);
      expect(outcome(await sts.token(form, { peer: gateway }))).toEqual(REFUSED);
    });
    test('with a signed assertion', async () => {
      const assert = async () => ({
        ...asOperator(),
        client_assertion_type: ASSERTION_TYPE_JWT_BEARER,
        client_assertion: await new SignJWT({ jti: crypto.randomUUID() })
          .setProtectedHeader({ alg: 'ES256', kid: 'g-1' })
          .setIssuer('gateway')
          .setSubject('gateway')
          .setAudience(ISSUER)
          .setIssuedAt()
          .setExpirationTime('60s')
          .sign(assertionKey.privateKey),
      });
      expect(outcome(await sts.token(await assert()))).toEqual(REFUSED);
      expect(outcome(await sts.token(await assert(), { peer: gateway }))).toEqual(REFUSED);
    });
    test('with a certificate of a service that has no exchange entry', async () => {
      expect(outcome(await sts.token(asOperator(), { peer: await sts.peer('bff') }))).toEqual(REFUSED);
    });
    test('with a certificate, and client_id naming the gateway', async () => {
      const form = { ...asOperator(), client_id: 'gateway' };
      const answer = await sts.token(form, { peer: await sts.peer('bff') });
      expect(answer.status).toBe(401);
      expect(answer.body['access_token']).toBeUndefined();
    });
    test('as the actor', async () => {
      const { subject_token: actor } = asOperator();
      const form = {
        ...(await withBffToken()),
        actor_token: actor ?? '',
        actor_token_type: TOKEN_TYPE_X509_SVID,
      };
      expect(outcome(await sts.token(form, withSecret))).toEqual(REFUSED);
    });
  });

  test.each([{}, { policies: 'office_hours' }, { join: 'Lead.id' }, { no_scope: 'true' }])(
    'an access token of a caller and %j with the secret alone',
    async (more: Readonly<Record<string, string>>) => {
      expect(outcome(await sts.token({ ...(await withBffToken()), ...more }, withSecret))).toEqual(REFUSED);
    },
  );

  describe('what the certificate gives is bound to it', () => {
    test('whatever the subject token was, the token names the certificate of the connection', async () => {
      for (const form of [asOperator(), await withBffToken()]) {
        const { claims } = await sts.token(form, { peer: gateway });
        expect(claims.cnf).toEqual({ 'x5t#S256': gateway.thumbprint });
      }
    });
    test('it rotates no signing key from a connection without that certificate', async () => {
      const { body } = await sts.token({ ...asOperator(), audience: 'sts' }, { peer: gateway });
      const rotate = (peer?: PeerIdentity) =>
        sts.call({
          path: '/sts/rotate-keys',
          headers: {
            'content-type': 'application/json',
            authorization: `Bearer ${String(body['access_token'])}`,
          },
          body: JSON.stringify({ mode: 'NOW', reason: 'attack' }),
          ...(peer === undefined ? {} : { peer }),
        });
      await expect(rotate()).rejects.toMatchObject({ code: 'invalid_token' });
      await expect(rotate(await sts.peer('operator'))).rejects.toMatchObject({ code: 'invalid_token' });
    });
    test('it ends with the certificate, also as a subject token', async () => {
      const lost = await sts.peer('gateway');
      const { body } = await sts.token(asOperator(), { peer: lost });
      const entries = [{ id: 'lost', kind: 'certificate_revoked', thumbprint: lost.thumbprint }];
      await sts.call({
        path: '/sts/status',
        headers: { 'content-type': 'application/json' },
        peer: await sts.peer('admin'),
        body: JSON.stringify({ entries }),
      });
      const form = {
        ...asOperator(),
        subject_token: String(body['access_token']),
        subject_token_type: TOKEN_TYPE_ACCESS_TOKEN,
      };
      expect(outcome(await sts.token(form, { peer: gateway }))).toEqual([400, 'invalid_request', undefined]);
      expect((await sts.token(asOperator(), { peer: lost })).status).toBe(401);
    });
  });

  test('the shipped gateway has no client secret at all', async () => {
    const shipped = await openTestSts({ openStore, store, secrets: sts.secrets, ca: sts.ca });
    const answer = await shipped.token({ grant_type: 'client_credentials', audience: 'sts' }, withSecret);
    expect([answer.status, answer.body['error']]).toEqual([401, 'invalid_client']);
    await shipped.close();
  });

  describe('the method of the requester is never taken for that of the subject', () => {
    test('a secret that the gateway relays stays a secret, and rotates none', async () => {
      const relayed = await sts.token(
        { grant_type: 'client_credentials', audience: 'gateway' },
        { headers: basic('operator'), peer: gateway },
      );
      expect(relayed.claims).toMatchObject({ sub: 'operator', amr: ['client_secret_basic'] });
      expect(relayed.claims.cnf).toBeUndefined();
      const { claims } = await sts.token(
        {
          ...asOperator(),
          subject_token: String(relayed.body['access_token']),
          subject_token_type: TOKEN_TYPE_ACCESS_TOKEN,
          audience: 'admin',
        },
        { peer: gateway },
      );
      expect(claims).toMatchObject({
        sub: 'operator',
        amr: ['client_secret_basic'],
        act: { sub: 'gateway' },
      });
      await expect(rotateSecret(claims, gateway)).rejects.toMatchObject({ code: 'MTLS_REQUIRED' });
    });
    test('on a direct connection the certificate of the connection counts, not what the token says', async () => {
      const token = { sub: 'operator', client_id: 'operator', sub_kind: 'service', roles: ['admin'] };
      const bound = { ...token, amr: ['client_secret_basic'], cnf: { 'x5t#S256': operator.thumbprint } };
      const loose = { ...token, amr: ['tls_client_auth'] };
      const claims = (of: object) => of as unknown as AccessTokenClaims;
      await expect(rotateSecret(claims(bound), operator)).resolves.toBe('asked the STS');
      await expect(rotateSecret(claims(bound), gateway)).rejects.toMatchObject({ code: 'MTLS_REQUIRED' });
      await expect(rotateSecret(claims(loose), gateway)).rejects.toMatchObject({ code: 'MTLS_REQUIRED' });
    });
  });

  test.each([TOKEN_TYPE_JWT, 'urn:ietf:params:oauth:token-type:id_token', 'x'])(
    'another requested_token_type is invalid_request: %s',
    async (requested_token_type) => {
      const answer = await sts.token({ ...asOperator(), requested_token_type }, { peer: gateway });
      expect(outcome(answer)).toEqual([400, 'invalid_request', undefined]);
    },
  );

  async function withBffToken(): Promise<Readonly<Record<string, string>>> {
    const { body } = await sts.token({ grant_type: 'client_credentials' }, { headers: basic('bff') });
    return {
      ...asOperator(),
      subject_token: String(body['access_token']),
      subject_token_type: TOKEN_TYPE_ACCESS_TOKEN,
    };
  }

  /** `rotateServiceSecret` as a caller with these claims on a connection of this peer. */
  async function rotateSecret(claims: AccessTokenClaims, peer: PeerIdentity): Promise<string> {
    const { Mutation } = createResolvers({
      policies: { current: () => sts.clients.policies() },
      rotateServiceSecret: () => Promise.reject(new Error('asked the STS')),
      now: () => 0,
    } as unknown as Parameters<typeof createResolvers>[0]);
    const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: false };
    const context = { token: { claims, kid: 'k', scopes: new Set() }, peer, trace };
    return Mutation.rotateServiceSecret(
      null,
      { serviceId: 'bff', reason: 'r' },
      context as unknown as SubgraphContext,
    ).then(
      () => 'rotated',
      (error: unknown) => {
        if (error instanceof Error && error.message === 'asked the STS') return error.message;
        throw error;
      },
    );
  }
});
