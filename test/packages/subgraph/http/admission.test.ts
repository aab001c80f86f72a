import type { IncomingMessage, RequestListener } from 'node:http';
import { createServer, request, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { SecurityError } from '@aduana/core/errors/security-error';
import { admitExpress } from '@aduana/subgraph/express';
import { admitFastify } from '@aduana/subgraph/fastify';
import { type Admission, createAdmission } from '@aduana/subgraph/http/admission';
import { admitNodeHttp } from '@aduana/subgraph/node-http';
import { createKnownPeers } from '@aduana/core/mtls/known-peers';
import { clientTlsOptions, serverTlsOptions } from '@aduana/core/mtls/tls-options';
import { createSystemClock } from '@aduana/core/platform/clock';
import type { VerifiedToken } from '@aduana/core/tokens/access-token';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import express from 'express';
import fastify from 'fastify';
import { createTestCa, type TestCa } from '../../../support/test-ca.ts';
import { issueTestIdentity, type TestIdentity } from '../../../support/test-identity.ts';

interface Answer {
  readonly status: number;
  readonly body: string;
}

let ca: TestCa;
let orders: TestIdentity;
let gateway: TestIdentity;
let bff: TestIdentity;
const revoked = new Set<string>();

beforeAll(async () => {
  ca = await createTestCa();
  orders = await issueTestIdentity(ca, 'leads');
  gateway = await issueTestIdentity(ca, 'gateway');
  bff = await issueTestIdentity(ca, 'bff');
});

type Serve = (admission: Admission, answer: (request: IncomingMessage) => string) => Promise<Server> | Server;

const SERVERS: readonly (readonly [string, Serve])[] = [
  [
    'node:http',
    (admission, answer) =>
      listen(
        admitNodeHttp(admission, (incoming, response) => {
          response.end(answer(incoming));
        }),
      ),
  ],
  [
    'Express',
    (admission, answer) => {
      const app = express();
      app.use(admitExpress(admission));
      app.post('/graphql', (incoming, response) => void response.send(answer(incoming)));
      return listen(app);
    },
  ],
  [
    'Fastify',
    async (admission, answer) => {
      const app = fastify({ https: tls() });
      app.addHook('onRequest', admitFastify(admission));
      app.post('/graphql', (incoming) => Promise.resolve(answer(incoming.raw)));
      await app.listen({ port: 0, host: '127.0.0.1' });
      return app.server;
    },
  ],
];

describe.each(SERVERS)('a subgraph on %s', (_, serve) => {
  let server: Server;
  const served: string[] = [];
  beforeAll(async () => {
    const admission = createAdmission({
      peers: new Set(['spiffe://aduana.local/gateway']),
      known: knownPeers(),
      verify,
      isRefused: (thumbprint) => revoked.has(thumbprint),
      isEnded: () => false,
      assertFresh: () => undefined,
      clock: createSystemClock(),
      onStatusChange: () => () => undefined,
    });
    server = await serve(admission, (incoming) => {
      served.push('request');
      return admission.tokenOf(incoming).claims.sub;
    });
  });
  afterAll(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });

  test('serves a peer on the list with a token that is bound to it', async () => {
    expect(await ask(server, gateway, 'Bearer good')).toEqual({ status: 200, body: 'bff' });
  });

  test.each([
    ['no token', undefined, 401, 'UNAUTHENTICATED'],
    ['a bad token', 'Bearer bad', 401, 'invalid_token'],
    ['a token that is bound to another certificate', 'Bearer stolen', 401, 'invalid_token'],
    ['a token that is bound to nothing', 'Bearer loose', 401, 'invalid_token'],
  ])('refuses %s before anything of the application runs', async (__, authorization, status, code) => {
    served.length = 0;
    const answer = await ask(server, gateway, authorization);
    expect(answer.status).toBe(status);
    expect(answer.body).toContain(code);
    expect(served).toEqual([]);
  });

  test('refuses a peer that is not on the list, and one whose certificate is revoked', async () => {
    served.length = 0;
    expect(await ask(server, bff, 'Bearer good')).toMatchObject({ status: 403 });
    revoked.add(gateway.current().thumbprint);
    expect(await ask(server, gateway, 'Bearer good')).toMatchObject({ status: 401 });
    revoked.clear();
    expect(served).toEqual([]);
  });

  test('refuses a connection without a certificate', async () => {
    await expect(ask(server, undefined, 'Bearer good')).rejects.toThrow();
  });
});

test('a plain connection is refused, and a request that was never admitted has no token', async () => {
  const admission = createAdmission({
    peers: new Set(),
    known: knownPeers(),
    verify,
    isRefused: () => false,
    isEnded: () => false,
    assertFresh: () => undefined,
    clock: createSystemClock(),
    onStatusChange: () => () => undefined,
  });
  const told: unknown[] = [];
  const response = {
    writeHead: (status: number) => (told.push(status), response),
    end: (body: string) => told.push(body),
  };
  const incoming = { socket: {}, headers: {}, rawHeaders: [] } as unknown as IncomingMessage;
  expect(await admission.admit(incoming, response as never)).toBeUndefined();
  expect(told).toEqual([403, expect.stringContaining('MTLS_REQUIRED')]);
  expect(() => admission.tokenOf(incoming)).toThrow(expect.objectContaining({ code: 'UNAUTHENTICATED' }));
});

test('a handler that fails is answered for, and nothing of its failure leaves', async () => {
  const admission = { admit: () => Promise.resolve({} as VerifiedToken) };
  const server = await listen(
    admitNodeHttp(admission, () => Promise.reject(new Error('the database is at 10.0.0.7'))),
  );
  const answer = await ask(server, gateway, 'Bearer good');
  expect(answer).toEqual({ status: 500, body: expect.stringContaining('INTERNAL_SERVER_ERROR') });
  expect(answer.body).not.toContain('10.0.0.7');
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function knownPeers() {
  return createKnownPeers({
    trustDomain: 'aduana.local',
    clock: createSystemClock(),
    authorities: () => gateway.current().authorities,
  });
}

function verify(text: string): Promise<VerifiedToken> {
  const bound = { good: gateway.current().thumbprint, stolen: bff.current().thumbprint }[text];
  if (bound === undefined && text !== 'loose') return Promise.reject(new SecurityError('invalid_token'));
  return Promise.resolve({
    kid: 'k',
    scopes: new Set<string>(),
    claims: {
      iss: 'https://sts', aud: 'leads', sub: 'bff', client_id: 'bff', jti: 'j', iat: 0, exp: 4e9, scope: '', roles: [], amr: [],
      auth_time: 0, root_jti: 'j', sub_kind: 'service', sub_iss: 'https://sts',
      ...(bound === undefined ? {} : { cnf: { 'x5t#S256': bound } }),
    },
  }); // prettier-ignore
}

function tls() {
  return serverTlsOptions(orders.current(), { clientCertificates: 'require', minVersion: 'TLSv1.3' });
}

function listen(listener: RequestListener): Promise<Server> {
  const server = createServer(tls(), listener);
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => {
      resolve(server);
    }),
  );
}

function ask(
  server: Server,
  as: TestIdentity | undefined,
  authorization: string | undefined,
): Promise<Answer> {
  const { port } = server.address() as AddressInfo;
  const options = clientTlsOptions(
    (as ?? gateway).current(),
    'spiffe://aduana.local/leads',
    as !== undefined,
  );
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        ...options,
        host: '127.0.0.1',
        port,
        path: '/graphql',
        method: 'POST',
        agent: false,
        headers: authorization === undefined ? {} : { authorization },
      },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () => {
          resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end();
  });
}
