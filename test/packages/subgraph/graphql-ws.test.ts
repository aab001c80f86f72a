import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { SecurityError } from '@aduana/core/errors/security-error';
import { createKnownPeers } from '@aduana/core/mtls/known-peers';
import { clientTlsOptions, serverTlsOptions } from '@aduana/core/mtls/tls-options';
import { createSystemClock } from '@aduana/core/platform/clock';
import type { VerifiedToken } from '@aduana/core/tokens/access-token';
import { createErrorMask, guardSchema, type Log, refuseIntrospection } from '@aduana/subgraph';
import { admitWebSockets } from '@aduana/subgraph/graphql-ws';
import { createAdmission } from '@aduana/subgraph/http/admission';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { buildSchema, type ExecutionResult, specifiedRules, validate } from 'graphql';
import { createClient } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocket, WebSocketServer } from 'ws';
import { FEDERATION_LINK } from '../../support/supergraph-of.ts';
import { createTestCa, type TestCa } from '../../support/test-ca.ts';
import { issueTestIdentity, type TestIdentity } from '../../support/test-identity.ts';
import { until } from '../../support/until.ts';

const SDL = `${FEDERATION_LINK}
  type Query { none: Int }
  type Subscription { changed: Lead @requiresScopes(scopes: [["leads:read"]]) }
  type Lead { id: ID! email: String @requiresScopes(scopes: [["leads:pii:read"]]) }`;
const SCHEMA =
  'type Query { none: Int } type Subscription { changed: Lead } type Lead { id: ID! email: String }';
const CHANGED = 'subscription { changed { id email } }';
const LOG = { warn: () => undefined, error: () => undefined } as unknown as Log;

let ca: TestCa;
let gateway: TestIdentity;
let bff: TestIdentity;
let server: Server;
const scopes: Record<string, readonly string[]> = {
  reader: ['leads:read'],
  whole: ['leads:read', 'leads:pii:read'],
  nobody: [],
};
const ended = new Set<string>();
const onStatus = new Set<() => void>();

beforeAll(async () => {
  ca = await createTestCa();
  gateway = await issueTestIdentity(ca, 'gateway');
  bff = await issueTestIdentity(ca, 'bff');
  server = await serve(await issueTestIdentity(ca, 'leads'));
});
afterAll(() => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});

/** A service as the guide has it. */
async function serve(leads: TestIdentity): Promise<Server> {
  const admission = createAdmission({
    peers: new Set(['spiffe://aduana.local/gateway']),
    known: createKnownPeers({
      trustDomain: 'aduana.local',
      clock: createSystemClock(),
      authorities: () => leads.current().authorities,
    }),
    verify,
    isRefused: () => false,
    isEnded: ({ claims }) => ended.has(claims.sub),
    assertFresh: () => undefined,
    clock: createSystemClock(),
    onStatusChange: (listener) => {
      onStatus.add(listener);
      return () => onStatus.delete(listener);
    },
  });
  const schema = buildSchema(SCHEMA);
  const field = schema.getSubscriptionType()?.getFields()['changed'];
  if (field !== undefined) field.subscribe = changes;
  const mask = createErrorMask(LOG);
  const sockets = new WebSocketServer({ noServer: true });
  useServer(
    {
      schema: guardSchema(schema, SDL),
      context: ({ extra }) => ({ token: admission.tokenOf(extra.request) }),
      validate: (shown, document) => validate(shown, document, [...specifiedRules, refuseIntrospection]),
      onNext: (_context, _id, _payload, _args, { data = null, errors }) =>
        errors === undefined
          ? { data }
          : { data, errors: errors.map((error) => mask(error.toJSON(), error)) },
      onError: (_context, _id, _payload, errors) => errors.map((error) => mask(error.toJSON(), error)),
    },
    sockets,
  );
  const tls = serverTlsOptions(leads.current(), { clientCertificates: 'require', minVersion: 'TLSv1.3' });
  const opened = createServer(tls).on('upgrade', admitWebSockets(admission, sockets));
  await new Promise<void>((resolve) => opened.listen(0, '127.0.0.1', resolve));
  return opened;
}

/** Two events, and then none for as long as somebody listens. */
async function* changes() {
  yield await Promise.resolve({ changed: { id: '1', email: 'one@a.example' } });
  yield { changed: { id: '2', email: 'two@a.example' } };
  await new Promise(() => undefined);
}

function verify(text: string): Promise<VerifiedToken> {
  const granted = scopes[text];
  if (granted === undefined) return Promise.reject(new SecurityError('invalid_token'));
  return Promise.resolve({
    kid: 'k',
    scopes: new Set(granted),
    claims: {
      iss: 'https://sts', aud: 'leads', sub: text, client_id: 'bff', jti: 'j', iat: 0, exp: 4e9, scope: granted.join(' '),
      roles: [], amr: [], auth_time: 0, root_jti: 'j', sub_kind: 'service', sub_iss: 'https://sts',
      cnf: { 'x5t#S256': gateway.current().thumbprint },
    },
  }); // prettier-ignore
}

/** A client of graphql-ws with a service's certificate and a token in its upgrade. */
function connect(token: string, as: TestIdentity = gateway) {
  const { port } = server.address() as AddressInfo;
  const heard: ExecutionResult[] = [];
  const state = { heard, failure: undefined as unknown, status: 0, code: 0 };
  class Socket extends WebSocket {
    constructor(url: string, protocol: string) {
      super(url, protocol, {
        ...(clientTlsOptions(as.current(), 'spiffe://aduana.local/leads', true) as object),
        headers: { authorization: `Bearer ${token}` },
      });
      this.on('unexpected-response', (_request, { statusCode = 0 }) => {
        state.status = statusCode;
        this.terminate();
      });
      this.on('close', (code) => (state.code = code));
    }
  }
  const client = createClient({
    url: `wss://127.0.0.1:${String(port)}/graphql`,
    webSocketImpl: Socket,
    retryAttempts: 0,
  });
  const subscribe = (query: string): void => {
    client.subscribe(
      { query },
      {
        next: (result) => void heard.push(result as ExecutionResult),
        error: (error) => (state.failure = error),
        complete: () => undefined,
      },
    );
  };
  return Object.assign(state, { subscribe, dispose: () => client.dispose() });
}

const REFUSED = { code: 'UNAUTHORIZED_FIELD_OR_TYPE' };

describe('graphql-ws behind the admission', () => {
  test('the guard decides of each event anew: without the scope a field is null, with its code', async () => {
    const client = connect('reader');
    client.subscribe(CHANGED);
    await until(() => client.heard.length === 2);
    expect(client.heard).toEqual(
      ['1', '2'].map((id) => ({
        data: { changed: { id, email: null } },
        errors: [expect.objectContaining({ path: ['changed', 'email'], extensions: REFUSED })],
      })),
    );
    await client.dispose();
  });

  test('a token with the scope sees it', async () => {
    const client = connect('whole');
    client.subscribe(CHANGED);
    await until(() => client.heard.length === 2);
    expect(client.heard[0]).toEqual({ data: { changed: { id: '1', email: 'one@a.example' } } });
    await client.dispose();
  });

  test('the root field is refused before anything is opened', async () => {
    const client = connect('nobody');
    client.subscribe(CHANGED);
    await until(() => client.heard.length > 0);
    expect(client.heard).toEqual([expect.objectContaining({ errors: [expect.objectContaining({ extensions: REFUSED })] })]); // prettier-ignore
    await client.dispose();
  });

  test('introspection is refused', async () => {
    const client = connect('whole');
    client.subscribe('{ __schema { types { name } } }');
    await until(() => client.failure !== undefined);
    expect(JSON.stringify(client.failure)).toContain('INTROSPECTION');
    await client.dispose();
  });

  test.each([
    ['a token that does not hold', 'forged', () => gateway, 401],
    ["another service's certificate", 'reader', () => bff, 403],
  ])('%s opens no WebSocket', async (_, token, as, status) => {
    const client = connect(token, as());
    client.subscribe(CHANGED);
    await until(() => client.status !== 0);
    expect(client.status).toBe(status);
  });

  test('a connection is broken off when the status feed withdraws its token', async () => {
    const client = connect('reader');
    client.subscribe(CHANGED);
    await until(() => client.heard.length === 2);
    ended.add('reader');
    for (const listener of onStatus) listener();
    await until(() => client.code !== 0);
    expect(client.code).toBe(1006);
    ended.clear();
  });
});
