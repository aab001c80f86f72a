import { adminUrl, auditUrl, stsIssuer, stsTokenUrl } from '@aduana/server-kit/config/service-settings';
import type { GatewayAnswer } from '@aduana/client/gateway/gateway-client';
import type { SecurePeer, SecureResponse } from '@aduana/core/mtls-client/secure-client';
import type { Callers, HandshakeCheck } from './handshake-check.ts';
import type { DeploymentClient } from './deployment-client.ts';

const TIMEOUT_MS = 10_000;
const ANSWER_BYTES = 8_388_608;
const ALLOWED_QUERY = '{ whoami { subject } leads { id company score } }';
const REFUSED_QUERY = '{ leads { id contact { email } } }';

const REFUSED_BY_TLS = 'TLS refuses who shows no certificate';

/** What an installation promises, in the order in which a request meets it. */
export const HANDSHAKE_CHECKS: readonly HandshakeCheck[] = [
  ...(['gateway', 'sts', 'audit', 'admin'] as const).map((service) => ({
    name: `${service} is ready`,
    run: async (callers: Callers) => {
      const { status } = await get(peerOf(callers.bff, service), '/health/ready');
      return expectEqual(status, 200, 'status');
    },
  })),
  {
    name: 'no credentials: 401 before any GraphQL is parsed',
    run: async ({ bff }) => {
      const answer = await postWithoutCertificate(bff, '{"query":"{ not graphql"}');
      if (answer === 'refused') return REFUSED_BY_TLS;
      expectEqual(answer.status, 401, 'status');
      return expectEqual(codeOf(answer), 'UNAUTHENTICATED', 'code');
    },
  },
  {
    name: 'a wrong client secret: 401',
    run: async ({ bff }) => {
      const authorization = `Basic ${Buffer.from('bff:not-the-secret').toString('base64')}`;
      const answer = await postWithoutCertificate(bff, '{"query":"{ __typename }"}', { authorization });
      return answer === 'refused' ? REFUSED_BY_TLS : expectEqual(answer.status, 401, 'status');
    },
  },
  {
    name: 'a foreign Host (DNS rebinding): 421',
    run: async ({ bff }) => {
      const gateway = peerOf(bff, 'gateway');
      const { status } = await post(gateway, '/graphql', '{"query":"{ __typename }"}', {
        host: 'evil.example',
      });
      return expectEqual(status, 421, 'status');
    },
  },
  {
    name: 'a foreign Origin: 403',
    run: async ({ bff }) => {
      const gateway = peerOf(bff, 'gateway');
      const headers = { origin: 'https://evil.example' };
      const { status } = await post(gateway, '/graphql', '{"query":"{ __typename }"}', headers);
      return expectEqual(status, 403, 'status');
    },
  },
  {
    name: 'a certificate is exchanged for tokens and data comes back',
    run: async ({ bff }) => {
      const answer = await bff.graphql(ALLOWED_QUERY);
      if (answer.errors.length > 0) throw new Error(`unexpected errors: ${codesOf(answer)}`);
      return `whoami says ${String((answer.data?.['whoami'] as { subject?: string } | undefined)?.subject)}`;
    },
  },
  {
    name: 'a refused field is null, with code and path; the rest is data',
    run: async ({ bff }) => {
      const answer = await bff.graphql(REFUSED_QUERY);
      const refusal = answer.errors.find(
        ({ extensions }) => extensions?.['code'] === 'UNAUTHORIZED_FIELD_OR_TYPE',
      );
      if (refusal?.path === undefined) throw new Error(`no refusal with a path: ${codesOf(answer)}`);
      if (!Array.isArray(answer.data?.['leads'])) throw new Error('the allowed field is missing');
      return `refused at ${refusal.path.join('.')}`;
    },
  },
  {
    name: 'an admin mutation by a caller without the right does not run',
    run: async ({ bff, operator }) => {
      const before = await activeKey(operator);
      const answer = await bff.graphql(
        'mutation { rotateSigningKeys(mode: NOW, reason: "handshake") { id } }',
      );
      expectEqual(codesOf(answer), 'UNAUTHORIZED_FIELD_OR_TYPE', 'code');
      return expectEqual(await activeKey(operator), before, 'active key');
    },
  },
  {
    name: 'a token bound to a certificate is refused without it',
    run: async ({ bff }) => {
      const token = await fetchToken(bff, 'gateway');
      const headers = { authorization: `Bearer ${token}` };
      const with_ = await post(peerOf(bff, 'gateway'), '/graphql', '{"query":"{ __typename }"}', headers);
      expectEqual(with_.status, 200, 'status with the certificate');
      const without = await postWithoutCertificate(bff, '{"query":"{ __typename }"}', headers);
      if (without === 'refused') return REFUSED_BY_TLS;
      return expectEqual(without.status, 401, 'status without the certificate');
    },
  },
  {
    name: "a subgraph admits the gateway's certificate alone",
    run: async ({ bff }) => {
      const { status } = await post(peerOf(bff, 'sts'), '/graphql', '{"query":"{ __typename }"}');
      return expectEqual(status, 403, 'status');
    },
  },
  {
    name: 'the STS publishes the key that signs',
    run: async ({ bff }) => {
      const [header = ''] = (await fetchToken(bff, 'gateway')).split('.');
      const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString('utf8')) as { kid: string };
      const { body } = await get(peerOf(bff, 'sts'), '/sts/jwks');
      const { keys } = JSON.parse(body.toString('utf8')) as { keys: { kid: string }[] };
      if (!keys.some((key) => key.kid === kid)) throw new Error(`kid ${kid} is not published`);
      return `${String(keys.length)} keys, ${kid.slice(0, 8)}… among them`;
    },
  },
  {
    name: 'the metadata names the issuer',
    run: async ({ bff }) => {
      const { body } = await get(peerOf(bff, 'sts'), '/.well-known/oauth-authorization-server');
      const { issuer } = JSON.parse(body.toString('utf8')) as { issuer: string };
      return expectEqual(issuer, stsIssuer(bff.settings), 'issuer');
    },
  },
  {
    name: 'introspection shows a caller no more than it may use',
    run: async ({ bff }) => {
      const answer = await bff.graphql(
        '{ __schema { mutationType { fields { name } } queryType { name } } }',
      );
      if (answer.data?.['__schema'] == null) throw new Error(`no schema: ${codesOf(answer)}`);
      if (JSON.stringify(answer.data).includes('rotateSigningKeys'))
        throw new Error('a mutation that bff may not use is shown');
      return 'admin mutations are hidden from bff';
    },
  },
  {
    name: 'the request is in the audit log, under a signed checkpoint',
    run: async ({ bff, auditor }) => {
      const { auditId } = await bff.graphql(REFUSED_QUERY);
      const answer = await auditor.graphql(
        'query ($id: ID!) { auditEvent(id: $id) { seq outcome actor } auditCheckpoint { size } }',
        { id: auditId },
      );
      const event = answer.data?.['auditEvent'] as
        { seq: string; outcome: string; actor: string } | null | undefined;
      if (event === null || event === undefined)
        throw new Error(`${String(auditId)} is not there: ${codesOf(answer)}`);
      expectEqual(`${event.actor} ${event.outcome}`, 'bff PARTIAL', 'event');
      return `seq ${event.seq}: ${event.actor} ${event.outcome}`;
    },
  },
];

/** In strict mode TLS itself refuses: the same gateway answers only who shows a certificate. */
async function postWithoutCertificate(
  deployment: DeploymentClient,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<SecureResponse | 'refused'> {
  try {
    return await post(peerOf(deployment, 'gateway', false), '/graphql', body, headers);
  } catch (error) {
    const { status } = await get(peerOf(deployment, 'gateway'), '/health/live');
    if (status === 200) return 'refused';
    throw error;
  }
}

async function activeKey(operator: DeploymentClient): Promise<string> {
  const answer = await operator.graphql('{ signingKeys { kid state } }');
  const keys = answer.data?.['signingKeys'] as { kid: string; state: string }[] | null | undefined;
  const active = keys?.find(({ state }) => state === 'ACTIVE');
  if (active === undefined) throw new Error(`no active key: ${codesOf(answer)}`);
  return active.kid;
}

async function fetchToken(deployment: DeploymentClient, audience: string): Promise<string> {
  const { pathname } = new URL(stsTokenUrl(deployment.settings));
  const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: 'bff', audience });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const answer = await post(peerOf(deployment, 'sts'), pathname, form.toString(), headers);
  const { access_token, error } = JSON.parse(answer.body.toString('utf8')) as Record<
    string,
    string | undefined
  >;
  if (access_token === undefined) throw new Error(`the STS refused: ${String(error)}`);
  return access_token;
}

function peerOf(
  { client, settings, gatewayOrigin }: DeploymentClient,
  service: string,
  clientCertificate = true,
): SecurePeer {
  const origins: Readonly<Record<string, string>> = {
    gateway: gatewayOrigin,
    sts: new URL(stsTokenUrl(settings)).origin,
    audit: auditUrl(settings),
    admin: adminUrl(settings),
  };
  return client.peer({
    origin: origins[service] ?? gatewayOrigin,
    spiffeId: `spiffe://${settings.TRUST_DOMAIN}/${service}`,
    failureCode: 'SUBGRAPH_UNAVAILABLE',
    clientCertificate,
  });
}

const LIMITS = { timeoutMilliseconds: TIMEOUT_MS, maxResponseBytes: ANSWER_BYTES } as const;

function get(peer: SecurePeer, path: string): Promise<SecureResponse> {
  return peer.request({ method: 'GET', path, ...LIMITS });
}

function post(
  peer: SecurePeer,
  path: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<SecureResponse> {
  return peer.request({
    method: 'POST',
    path,
    headers: { 'content-type': 'application/json', ...headers },
    body,
    ...LIMITS,
  });
}

function codeOf({ body }: SecureResponse): string {
  return codesOf(JSON.parse(body.toString('utf8')) as Partial<GatewayAnswer>);
}

function codesOf({ errors = [] }: Partial<GatewayAnswer>): string {
  return [...new Set(errors.map(({ extensions }) => String(extensions?.['code'])))].join(', ');
}

function expectEqual<Value extends string | number>(seen: Value, wanted: Value, what: string): string {
  if (seen !== wanted) throw new Error(`${what}: ${String(seen)} instead of ${String(wanted)}`);
  return `${what} ${String(seen)}`;
}
