import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GRANT_TOKEN_EXCHANGE, TOKEN_TYPE_JWT } from '@aduana/core/tokens/token-exchange';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';
import { codeBlocks } from '../support/code-blocks.ts';
import { describeOneStore, describeStores } from '../support/stores.ts';
import { openTestSts, type TestSts } from '../support/test-sts.ts';

const RESOURCE = 'urn:aduana';

interface Issued {
  readonly audience?: string;
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** An OpenID provider that issues JWT access tokens for Aduana. */
async function openProvider({ audience = 'aduana', claims = { groups: ['sales'] } }: Issued = {}): Promise<{
  readonly server: Server;
  readonly issuer: string;
}> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'robot-7',
        client_secret: 'robot-secret',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
    ],
    jwks: { keys: [{ ...(await exportJWK(privateKey)), kid: 'op-1', alg: 'RS256', use: 'sig' }] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: 'anything',
          audience,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 300,
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    extraTokenClaims: () => ({ ...claims }),
  });
  const handle = provider.callback();
  server.on('request', (request, response) => void handle(request, response));
  return { server, issuer };
}

async function tokenOf(issuer: string): Promise<string> {
  const answer = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from('robot-7:robot-secret').toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', resource: RESOURCE }),
  });
  return ((await answer.json()) as { access_token: string }).access_token;
}

async function exchangeAt(sts: TestSts, subjectToken: string) {
  return sts.token(
    {
      grant_type: GRANT_TOKEN_EXCHANGE,
      subject_token: subjectToken,
      subject_token_type: TOKEN_TYPE_JWT,
      audience: 'gateway',
    },
    { peer: await sts.peer('gateway') },
  );
}

/** The policies that are shipped, with these trusted issuers. */
function policiesWith(issuers: string): Readonly<Record<string, string>> {
  const files = ['service_identities.yaml', 'iam_policies.yaml'];
  const policies = Object.fromEntries(files.map((name) => [name, readFileSync(`policies/${name}`, 'utf8')]));
  return { ...policies, 'trusted_issuers.yaml': issuers };
}

describeStores('tokens of oidc-provider', (openStore) => {
  let op: Awaited<ReturnType<typeof openProvider>>;
  let sts: TestSts;
  beforeAll(async () => {
    op = await openProvider();
    const policies = policiesWith(
      `version: 1\nissuers:\n  - { issuer: '${op.issuer}', jwks_uri: '${op.issuer}/jwks', algorithms: [RS256], audience: aduana, claims: { groups: { sales: bff } } }\n`,
    );
    sts = await openTestSts({ openStore, clients: [], policies });
  });
  afterAll(async () => {
    await sts.close();
    op.server.close();
  });

  const foreignToken = () => tokenOf(op.issuer);
  const exchange = (subjectToken: string) => exchangeAt(sts, subjectToken);

  describe('a foreign OpenID provider', () => {
    test('its access token is exchanged for one of the deployment, with the roles of its claims', async () => {
      const { status, claims } = await exchange(await foreignToken());
      expect(status).toBe(200);
      expect(claims).toMatchObject({ sub: 'robot-7', sub_kind: 'user', sub_iss: op.issuer, roles: ['bff'] });
    });
    test('its token with a changed claim is refused', async () => {
      const [header, payload = '', signature] = (await foreignToken()).split('.');
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
      const forged = Buffer.from(JSON.stringify({ ...claims, groups: ['secops'] })).toString('base64url');
      const { status, body } = await exchange(`${String(header)}.${forged}.${String(signature)}`);
      expect([status, body['error']]).toEqual([400, 'invalid_request']);
    });
  });
});

describeOneStore('the identity providers of the guide', (openStore) => {
  test.each<[string, Required<Issued>]>([
    [
      'keycloak.yaml',
      { audience: 'aduana', claims: { realm_access: { roles: ['offline_access', 'sales'] } } },
    ],
    [
      'auth0.yaml',
      { audience: 'https://graph.example.com', claims: { 'https://graph.example.com/roles': ['sales'] } },
    ],
  ])('%s of docs/identity-provider.md gives the roles of such a token', async (name, issued) => {
    const block = codeBlocks('docs/identity-provider.md').find(({ label }) => label === name);
    const provider = await openProvider(issued);
    const issuers = (block?.code ?? '')
      .replace(/issuer: \S+/, `issuer: ${provider.issuer}`)
      .replace(/jwks_uri: \S+/, `jwks_uri: ${provider.issuer}/jwks`);
    const sts = await openTestSts({ openStore, clients: [], policies: policiesWith(issuers) });
    try {
      const { status, claims } = await exchangeAt(sts, await tokenOf(provider.issuer));
      expect([status, claims['roles']]).toEqual([200, ['sales']]);
    } finally {
      await sts.close();
      provider.server.close();
    }
  });
});
