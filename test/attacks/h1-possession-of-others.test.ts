import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { PeerIdentity } from '@aduana/core/mtls/peer-identity';
import { Secret } from '@aduana/core/secrets/secret';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { rightsOf } from '../../gateway/authorize/rights.ts';
import type { Exchange } from '../../gateway/exchange/exchange.ts';
import type { Credential } from '../../gateway/stages.ts';
import { openGatewayExchange } from '../support/gateway-exchange.ts';
import { createServiceRequest } from '../support/service-request.ts';
import { describeOneStore } from '../support/stores.ts';
import { basic, openTestSts, type TestSts } from '../support/test-sts.ts';

// The attacker: a service of the deployment with a certificate of its own and a token that it found, in a log, say. What
// the gateway gets for that token is bound to the gateway's certificate, and says nothing about the attacker. His own
// certificate beside it proves who he is, and not that he is the caller.
const pair = await generateKeyPair('ES256', { extractable: true });
const JWKS = JSON.stringify({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'k', alg: 'ES256' }] });
/** Each asks for one condition. */
const SCOPES = { proved: 'leads:pii:read', certified: 'leads:write' } as const;
const IAM = `version: 1
permissions: [leads:pii:read, leads:write]
conditions: { held: { proof_of_possession: true }, certified: { mtls: true } }
roles:
  actuator: { permissions: [{ allow: leads:pii:read, when: [held] }, { allow: leads:write, when: [certified] }] }
  admin: { permissions: [{ allow: sts:keys:rotate, when: [certified] }] }
`;
const service = (id: string, more: string): string =>
  `  ${id}: { spiffe_id: spiffe://aduana.local/${id}, authentication: [client_secret_basic, tls_client_auth]${more} }\n`;
const SERVICES = [
  service('gateway', ", exchange: { audiences: ['*'], scopes: ['**'], subjects: [x509_svid] }"),
  service('sts', ''),
  service('bff', ''),
  service('actuator', ', roles: [actuator]'),
  service('operator', ', roles: [admin], token: { audiences: [sts] }'),
];

describeOneStore('H1 proof of possession is the proof of whoever calls', (openStore) => {
  let server: Server;
  let issuer: string;
  let sts: TestSts;
  let exchange: Exchange;
  let bff: PeerIdentity;
  let actuator: PeerIdentity;
  beforeAll(async () => {
    server = createServer((_, response) => response.end(JWKS));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    issuer = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    sts = await openTestSts({
      openStore,
      clients: ['actuator', 'operator'],
      policies: {
        'iam_policies.yaml': IAM,
        'service_identities.yaml': `version: 1\nservices:\n${SERVICES.join('')}`,
        'trusted_issuers.yaml': `version: 1\nissuers:\n  - { issuer: '${issuer}', jwks_uri: '${issuer}/jwks', algorithms: [ES256], audience: aduana, claims: { groups: { sales: actuator } } }\n`,
      },
    });
    exchange = await openGatewayExchange(sts);
    bff = await sts.peer('bff');
    actuator = await sts.peer('actuator');
  });
  afterAll(async () => {
    await sts.close();
    server.close();
  });

  async function allowed(credential: Credential, peer?: PeerIdentity) {
    const request = createServiceRequest({ encrypted: true, ...(peer === undefined ? {} : { peer }) });
    const { caller } = await exchange({ stage: 'authenticated', credential, trace: request.trace }, request);
    expect(caller.claims.scope.split(' ').sort()).toEqual(Object.values(SCOPES));
    const { holdsScope } = rightsOf(caller, sts.clients.policies(), { time: Date.now() });
    return { proved: holdsScope(SCOPES.proved), certified: holdsScope(SCOPES.certified) };
  }
  const NOTHING = { proved: false, certified: false };
  const BOTH = { proved: true, certified: true };
  const bearer = (token: unknown): Credential => ({ kind: 'bearer', token: Secret.of(String(token)) });
  const tokenOf = async (parts: Parameters<TestSts['token']>[1]): Promise<Credential> =>
    bearer((await sts.token({ grant_type: 'client_credentials' }, parts)).body['access_token']);
  const jwt = async (more: object = {}): Promise<Credential> => {
    const now = Math.floor(Date.now() / 1000);
    const claims = { sub: 'ana', groups: ['sales'], iat: now, exp: now + 300, ...more };
    const unsigned = new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'k' });
    return bearer(await unsigned.setIssuer(issuer).setAudience('aduana').sign(pair.privateKey));
  };

  test("a found token is as little proof beside the finder's own certificate as without one", async () => {
    const found = await tokenOf({ headers: basic('actuator') });
    expect(await allowed(found)).toEqual(NOTHING);
    expect(await allowed(found, bff)).toEqual(NOTHING);
    expect(await allowed(found, await sts.peer('unregistered'))).toEqual(NOTHING);
  });

  test("so is a user's JWT, which the gateway exchanges", async () => {
    for (const peer of [undefined, bff, actuator]) expect(await allowed(await jwt(), peer)).toEqual(NOTHING);
  });

  test("and a secret beside somebody else's certificate, or without one", async () => {
    const header = Secret.of(basic('actuator').authorization);
    for (const peer of [undefined, bff, await sts.peer('unregistered')])
      expect(await allowed({ kind: 'basic', header }, peer)).toEqual(NOTHING);
  });

  test("a certificate of the caller's own is one, whatever else is shown; it does not bind what is not bound", async () => {
    const certified = { proved: false, certified: true };
    const header = Secret.of(basic('actuator').authorization);
    expect(await allowed({ kind: 'basic', header }, actuator)).toEqual(certified);
    expect(await allowed(await tokenOf({ headers: basic('actuator') }), actuator)).toEqual(certified);
  });

  test('what is bound to its sender is proof', async () => {
    expect(await allowed({ kind: 'certificate', chain: actuator.chain }, actuator)).toEqual(BOTH);
    expect(await allowed(await tokenOf({ peer: actuator }), actuator)).toEqual(BOTH);
    const bound = await jwt({ cnf: { 'x5t#S256': bff.thumbprint } });
    expect(await allowed(bound, bff)).toMatchObject({ proved: true });
    for (const peer of [undefined, actuator])
      await expect(allowed(bound, peer)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  test('nor does the STS itself take a certificate for that of another caller', async () => {
    const rotate = async (parts: Parameters<TestSts['token']>[1]): Promise<number> => {
      const body = JSON.stringify({ mode: 'NOW', reason: 'x' });
      const headers = { 'content-type': 'application/json', ...parts?.headers };
      try {
        return (await sts.call({ path: '/sts/rotate-keys', ...parts, headers, body })).status;
      } catch (error) {
        return (error as { readonly status: number }).status;
      }
    };
    const operator = await sts.peer('operator');
    const form = { grant_type: 'client_credentials', audience: 'sts' };
    const { body } = await sts.token(form, { headers: basic('operator') });
    const found = { authorization: `Bearer ${String(body['access_token'])}` };
    for (const headers of [basic('operator'), found]) {
      for (const peer of [bff, await sts.peer('unregistered')])
        expect(await rotate({ headers, peer })).toBe(403);
      expect(await rotate({ headers })).toBe(403);
      expect(await rotate({ headers, peer: operator })).toBe(200);
    }
    expect(await rotate({ peer: operator })).toBe(200);
  });
});
