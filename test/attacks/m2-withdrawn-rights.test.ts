import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { loadPolicies } from '@aduana/server-kit/iam/load-policies';
import { compile } from '@aduana/server-kit/iam/compile';
import { claimsWithin } from '@aduana/server-kit/iam/claims-within';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import {
  encodeCertificateChain,
  GRANT_TOKEN_EXCHANGE,
  TOKEN_TYPE_ACCESS_TOKEN,
  TOKEN_TYPE_X509_SVID,
} from '@aduana/core/tokens/token-exchange';
import { policyFolder } from '../support/policy-folder.ts';
import { startTestDeployment, type TestDeployment } from '../support/running-deployment.ts';
import { describeOneStore } from '../support/stores.ts';
import { basic, openTestSts, type TestSts } from '../support/test-sts.ts';
import { until } from '../support/until.ts';

const shipped = (name: string): Promise<string> => readFile(`policies/${name}`, 'utf8');
const IDENTITIES = await shipped('service_identities.yaml');
const IAM = await shipped('iam_policies.yaml');

/** The registry without a service. */
function without(service: string): string {
  const entry = new RegExp(`^  ${service}:\\n(?:    .*\\n?)+`, 'm');
  expect(IDENTITIES).toMatch(entry);
  return IDENTITIES.replace(entry, '');
}

const withRoles = (service: string, roles: string): string =>
  IDENTITIES.replace(new RegExp(`(^  ${service}:\\n.*\\n    roles: )\\[.*\\]`, 'm'), `$1[${roles}]`);

describeOneStore('M2 at the STS, what the registry takes away is gone', (openStore) => {
  let sts: TestSts;
  let token: string;
  beforeAll(async () => {
    sts = await openTestSts({
      openStore,
      clients: ['operator', 'bff'],
      policies: { 'iam_policies.yaml': IAM, 'service_identities.yaml': IDENTITIES },
    });
    const { body } = await sts.token(
      { grant_type: 'client_credentials', audience: 'sts' },
      { headers: basic('operator') },
    );
    token = String(body['access_token']);
  });
  afterAll(() => sts.close());

  /** Puts these files in force. */
  async function reload(identities: string, iam = IAM): Promise<void> {
    const folder = sts.settings.POLICIES_DIR;
    await writeFile(join(folder, 'iam_policies.yaml'), iam);
    await writeFile(join(folder, 'service_identities.yaml'), identities);
    const { sha256 } = await loadPolicies(folder);
    await until(() => sts.clients.policies().sha256 === sha256);
  }
  const rotate = (): Promise<number> =>
    sts
      .call({
        path: '/sts/rotate-keys',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify({ mode: 'NOW', reason: 'a test' }),
      })
      .then(
        ({ status }) => status,
        (error: unknown) => (error as { status: number }).status,
      );
  async function introspect(of: string): Promise<Record<string, unknown>> {
    const { body } = await sts.call({
      path: '/sts/introspect',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      peer: await sts.peer('gateway'),
      body: new URLSearchParams({ token: of }).toString(),
    });
    return JSON.parse(String(body)) as Record<string, unknown>;
  }
  const exchange = async (form: Readonly<Record<string, string>>) =>
    sts.token(
      {
        grant_type: GRANT_TOKEN_EXCHANGE,
        subject_token_type: TOKEN_TYPE_ACCESS_TOKEN,
        audience: 'gateway',
        ...form,
      },
      { peer: await sts.peer('gateway') },
    );
  async function gatewayToken(service: string): Promise<string> {
    const { body } = await sts.token({ grant_type: 'client_credentials' }, { headers: basic(service) });
    return String(body['access_token']);
  }

  test('the token works while the registry says so', async () => {
    expect(await rotate()).toBe(200);
  });

  test.each([
    ['its role is taken away', withRoles('operator', ''), IAM],
    ['it has another role instead', withRoles('operator', 'auditor'), IAM],
    ['its role loses the permission', IDENTITIES, IAM.replace('      - sts:**\n', '')],
    ['its role is denied the permission', IDENTITIES, IAM.replace('- sts:**', '- { deny: sts:keys:rotate }')],
  ])(
    'a live token loses the permission when %s, and gives it to no narrowed one',
    async (_, identities, iam) => {
      const held = await gatewayToken('operator');
      await reload(identities, iam);
      expect(await rotate()).toBe(403);
      expect(String((await introspect(token))['scope']).split(' ')).not.toContain('sts:keys:rotate');
      const asked = await exchange({ subject_token: held, scope: 'sts:keys:rotate' });
      expect([asked.status, asked.body['error']]).toEqual([400, 'invalid_scope']);
      const all = await exchange({ subject_token: held });
      expect(all.claims.scope.split(' ')).not.toContain('sts:keys:rotate');
      await reload(IDENTITIES);
      expect(await rotate()).toBe(200);
    },
  );

  test('a deleted service is refused with every credential that it has', async () => {
    const held = await gatewayToken('operator');
    const operator = await sts.peer('operator');
    await reload(without('operator'));
    expect(await rotate()).toBe(401);
    expect(await introspect(token)).toEqual({ active: false });
    const byToken = await exchange({ subject_token: held });
    expect([byToken.status, byToken.body['error']]).toEqual([400, 'invalid_request']);
    const chain = encodeCertificateChain(operator.chain);
    const byCertificate = await exchange({ subject_token: chain, subject_token_type: TOKEN_TYPE_X509_SVID });
    expect([byCertificate.status, byCertificate.body['error']]).toEqual([400, 'invalid_request']);
    const form = { grant_type: 'client_credentials' };
    expect((await sts.token(form, { headers: basic('operator') })).status).toBe(401);
    expect((await sts.token(form, { peer: operator })).status).toBe(401);
    await reload(IDENTITIES);
    expect(await rotate()).toBe(200);
  });

  test('a deleted actor takes the tokens with it that it acts in', async () => {
    const actuator = await sts.peer('actuator');
    const { body } = await exchange({
      subject_token: await gatewayToken('bff'),
      actor_token: encodeCertificateChain(actuator.chain),
      actor_token_type: TOKEN_TYPE_X509_SVID,
    });
    const acted = String(body['access_token']);
    expect(await introspect(acted)).toMatchObject({ active: true });
    await reload(without('actuator'));
    expect(await introspect(acted)).toEqual({ active: false });
    await reload(IDENTITIES);
  });
});

describe('M2 claims within the registry', () => {
  const claims: AccessTokenClaims = {
    iss: 'https://sts', aud: 'gateway', sub: 'ana', client_id: 'gateway', jti: 'j', root_jti: 'j', iat: 0, exp: 1,
    scope: 'leads:read leads:pii:read', roles: ['bff', 'sales'], amr: ['trusted_issuer'], auth_time: 0, sub_kind: 'user',
    sub_iss: 'https://idp.example.com',
  }; // prettier-ignore
  const engineWith = async (issuers: string) =>
    compile(
      await loadPolicies(
        await policyFolder({
          'iam_policies.yaml': IAM,
          'service_identities.yaml': IDENTITIES,
          'trusted_issuers.yaml': `version: 1\nissuers: [${issuers}]\n`,
        }),
      ),
    );
  const issuer = (groups: string): string =>
    `{ issuer: 'https://idp.example.com', jwks_uri: 'https://idp.example.com/jwks', algorithms: [ES256], audience: aduana, claims: { groups: ${groups} } }`;

  test('a user whose issuer is trusted keeps what the issuer may still give', async () => {
    expect(claimsWithin(await engineWith(issuer('{ s: [sales, bff] }')), claims)).toBe(claims);
    expect(claimsWithin(await engineWith(issuer('{ s: bff }')), claims)).toMatchObject({
      roles: ['bff'],
      scope: 'leads:read',
    });
  });
  test.each([
    ['a user whose issuer is trusted no more', {}],
    ['a service that is not registered', { sub_kind: 'service', sub: 'gone', sub_iss: 'https://sts' }],
    ['a service with the name of a member of every object', { sub_kind: 'service', sub: 'constructor' }],
    ['a client that is not registered', { sub_kind: 'service', sub: 'bff', client_id: 'gone' }],
    ['an inner actor that is not registered', { sub_kind: 'service', sub: 'bff', act: { sub: 'gateway', act: { sub: 'gone' } } }],
  ])('%s is refused', async (_, more) => {
    const engine = await engineWith('');
    expect(() => claimsWithin(engine, { ...claims, ...(more as Partial<AccessTokenClaims>) })).toThrow(
      expect.objectContaining({ code: 'invalid_token' }),
    );
  }); // prettier-ignore
});

describe('M2 in a running deployment over PGlite', () => {
  let folder: string;
  let deployment: TestDeployment;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aduana-withdrawn-'));
    await cp('policies', join(folder, 'policies'), { recursive: true });
    await rm(join(folder, 'policies/iam_policies.test.yaml'));
    deployment = await startTestDeployment({
      folder,
      environment: { POLICIES_DIR: join(folder, 'policies') },
    });
  });
  afterAll(async () => {
    await deployment.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const tokenOf = async (service: string): Promise<string> =>
    (await deployment.aduana('token', '--as', service)).stdout.trim();
  async function ask(token: string, query: string): Promise<string> {
    const answer = await fetch(`http://localhost:${String(deployment.ports.GATEWAY_HTTP_PORT)}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ query }),
    });
    return `${String(answer.status)} ${await answer.text()}`;
  }
  const untilAnswered = (text: string, token: string, query: string): Promise<void> =>
    until(async () => (await ask(token, query)).includes(text));

  test('the gateway and its subgraphs refuse a live token what its service lost, and a deleted service all', async () => {
    const file = join(folder, 'policies/service_identities.yaml');
    const [bff, auditor, operator] = [
      await tokenOf('bff'),
      await tokenOf('auditor'),
      await tokenOf('operator'),
    ];
    expect(await ask(bff, '{ leads { company } }')).toContain('"company"');
    expect(await ask(auditor, '{ auditEvents(first: 1) { edges { node { id } } } }')).toContain('"edges"');
    const nothingLeft = withRoles('bff', '').replace(/^ {2}auditor:\n(?: {4}.*\n?)+/m, '');
    await writeFile(file, nothingLeft);
    await untilAnswered('UNAUTHORIZED_FIELD_OR_TYPE', bff, '{ leads { company } }');
    await untilAnswered('401', auditor, '{ auditEvents(first: 1) { edges { node { id } } } }');
    const suspend =
      'mutation { suspendService(serviceId: "auditor", reason: "gone") { id roles suspended } }';
    expect(await ask(operator, suspend)).toContain(
      '"suspendService":{"id":"auditor","roles":[],"suspended":true}',
    );
    await writeFile(file, IDENTITIES);
    await untilAnswered('"company"', bff, '{ leads { company } }');
    expect(await ask(auditor, '{ whoami { subject } }')).toMatch(/^401/);
    const restore = 'mutation { restoreService(serviceId: "auditor", reason: "back") { suspended } }';
    expect(await ask(operator, restore)).toContain('"suspended":false');
  });
});
