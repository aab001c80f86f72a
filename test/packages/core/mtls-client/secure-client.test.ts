import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createSecureClient, type SecureClient } from '@aduana/core/mtls-client/secure-client';
import { readPeerIdentity } from '@aduana/core/mtls/read-peer-identity';
import { type ClientCertificates, serverTlsOptions } from '@aduana/core/mtls/tls-options';
import type { TlsGeneration } from '@aduana/core/mtls/tls-identity';
import { createSystemClock } from '@aduana/core/platform/clock';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createFakeClock } from '../../../support/fake-clock.ts';
import { createTestCa, type TestCa } from '../../../support/test-ca.ts';
import {
  createTestIdentity,
  issueTestIdentity,
  type TestIdentity,
  toForgedGeneration,
  toGeneration,
} from '../../../support/test-identity.ts';

const STS = 'spiffe://aduana.local/sts';
const CALL = { method: 'GET', path: '/', timeoutMilliseconds: 5000, maxResponseBytes: 1000 } as const;
const log = createLog('silent', () => undefined);
const clock = createSystemClock();
const closing: (() => Promise<unknown>)[] = [];
let ca: TestCa;
let sts: TestIdentity;
let gateway: TestIdentity;

beforeAll(async () => {
  ca = await createTestCa();
  sts = await issueTestIdentity(ca, 'sts');
  gateway = await issueTestIdentity(ca, 'gateway');
});

afterAll(async () => {
  for (const close of closing.reverse()) await close();
});

async function listen(
  handler: RequestListener,
  generation: TlsGeneration = sts.current(),
  clientCertificates: ClientCertificates = 'require',
): Promise<{ origin: string; server: Server }> {
  const rules = { clientCertificates, minVersion: 'TLSv1.3' } as const;
  const server = createServer(serverTlsOptions(generation, rules), handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { origin: `https://127.0.0.1:${String((server.address() as AddressInfo).port)}`, server };
}

function open(identity: TestIdentity = gateway): SecureClient {
  const client = createSecureClient({ identity, clock, log });
  closing.push(() => client.close());
  return client;
}

function toSts(origin: string, client = open()) {
  return client.peer({ origin, spiffeId: STS, failureCode: 'STS_UNAVAILABLE' });
}

function unavailable(detail: RegExp) {
  return { code: 'STS_UNAVAILABLE', status: 503, detail: expect.stringMatching(detail) };
}

test('both sides know each other by SPIFFE ID', async () => {
  const { origin } = await listen((request, response) => {
    const peer = readPeerIdentity(request.socket as TLSSocket, 'aduana.local');
    response.setHeader('x-seen', peer?.spiffeId ?? '').end(peer?.thumbprint);
  });
  const answer = await toSts(origin).request(CALL);
  expect(answer.status).toBe(200);
  expect(answer.headers['x-seen']).toBe('spiffe://aduana.local/gateway');
  expect(answer.body.toString()).toBe(gateway.current().thumbprint);
});

test('a body arrives whole and its answer is returned whole', async () => {
  const { origin } = await listen((request, response) => void request.pipe(response));
  const body = 'ñ'.repeat(100_000);
  const answer = await toSts(origin).request({ ...CALL, method: 'POST', body, maxResponseBytes: 1e6 });
  expect(answer.body.toString()).toBe(body);
});

test('a callee with another SPIFFE ID gets no request', async () => {
  const received: string[] = [];
  const impostor = await issueTestIdentity(ca, 'leads');
  const { origin } = await listen((_request, response) => {
    received.push('request');
    response.end();
  }, impostor.current());
  await expect(toSts(origin).request(CALL)).rejects.toMatchObject(unavailable(/names another service/));
  expect(received).toEqual([]);
});

test.each(['self_signed', 'unknown_ca', 'expired', 'not_yet_valid', 'wrong_eku', 'wrong_trust_domain', 'no_spiffe_id', 'two_spiffe_ids', 'ca_as_leaf'] as const)(
  'a callee with a certificate that is %s gets no request',
  async (kind) => {
    const received: string[] = [];
    const forged = toForgedGeneration(ca.cert, await ca.issueBad(kind, 'sts'));
    const { origin } = await listen(() => received.push('request'), forged);
    await expect(toSts(origin).request(CALL)).rejects.toMatchObject(unavailable(/certificate/));
    expect(received).toEqual([]);
  },
); // prettier-ignore

test('a client certificate that the callee refuses is reported as such', async () => {
  const forged = createTestIdentity(toForgedGeneration(ca.cert, await ca.issueBad('expired', 'gateway')));
  const { origin } = await listen((_request, response) => response.end());
  await expect(toSts(origin, open(forged)).request(CALL)).rejects.toMatchObject(unavailable(/refuse/));
});

test('a peer without clientCertificate shows none', async () => {
  const { origin } = await listen(
    (request, response) =>
      response.end(String(readPeerIdentity(request.socket as TLSSocket, 'aduana.local') === undefined)),
    sts.current(),
    'request',
  );
  const peer = open().peer({
    origin,
    spiffeId: STS,
    failureCode: 'STS_UNAVAILABLE',
    clientCertificate: false,
  });
  expect((await peer.request(CALL)).body.toString()).toBe('true');
});

test('redirects are returned and not followed', async () => {
  const paths: (string | undefined)[] = [];
  const { origin } = await listen((request, response) => {
    paths.push(request.url);
    response.writeHead(302, { location: '/elsewhere' }).end();
  });
  expect((await toSts(origin).request(CALL)).status).toBe(302);
  expect(paths).toEqual(['/']);
});

test('an answer over the limit is refused, announced or not', async () => {
  const { origin } = await listen((request, response) => {
    if (request.url === '/announced') response.setHeader('content-length', 5000);
    response.end('x'.repeat(5000));
  });
  const peer = toSts(origin);
  for (const path of ['/announced', '/'])
    await expect(peer.request({ ...CALL, path })).rejects.toMatchObject(unavailable(/too large/));
});

test('the deadline covers an answer that trickles', async () => {
  const { origin } = await listen((_request, response) => {
    const drip = setInterval(() => response.write('x'), 20);
    response.on('close', () => {
      clearInterval(drip);
    });
  });
  await expect(toSts(origin).request({ ...CALL, timeoutMilliseconds: 200 })).rejects.toMatchObject(
    unavailable(/in time/),
  );
});

test('the deadline covers the wait for a connection', async () => {
  const { origin } = await listen(() => undefined);
  const peer = open().peer({ origin, spiffeId: STS, failureCode: 'STS_UNAVAILABLE', maxConnections: 1 });
  const calls = [1, 2, 3].map(() => peer.request({ ...CALL, timeoutMilliseconds: 150 }));
  for (const call of calls) await expect(call).rejects.toMatchObject(unavailable(/in time/));
});

test('an aborted call ends, and the connection with it', async () => {
  const closed = new Promise((resolve) => {
    const abort = new AbortController();
    void listen((request) => {
      request.socket.once('close', resolve);
      abort.abort();
    }).then(async ({ origin }) => {
      const call = toSts(origin).request({ ...CALL, signal: abort.signal });
      await expect(call).rejects.toMatchObject(unavailable(/abandoned/));
    });
  });
  await closed;
});

test('nobody listening is reported without waiting', async () => {
  const { origin, server } = await listen(() => undefined);
  await new Promise((resolve) => server.close(resolve));
  await expect(toSts(origin).request(CALL)).rejects.toMatchObject(unavailable(/nobody listens/));
});

test('a new certificate is shown by the next call, while calls under way end well', async () => {
  const identity = await issueTestIdentity(ca, 'gateway');
  const shown: (string | undefined)[] = [];
  const waiting: (() => void)[] = [];
  const { origin } = await listen((request, response) => {
    shown.push(readPeerIdentity(request.socket as TLSSocket, 'aduana.local')?.thumbprint);
    if (request.url === '/slow') waiting.push(() => response.end('done'));
    else response.end('done');
  });
  const peer = toSts(origin, open(identity));
  const before = identity.current().thumbprint;
  await peer.request(CALL);
  const slow = peer.request({ ...CALL, path: '/slow' });
  while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve));
  identity.replace(toGeneration(ca.cert, await ca.issue('gateway'), 'gateway'));
  const after = identity.current().thumbprint;
  await peer.request(CALL);
  waiting.forEach((finish) => {
    finish();
  });
  expect((await slow).body.toString()).toBe('done');
  expect(shown).toEqual([before, before, after]);
});

test('a callee whose certificate is revoked is refused, on open connections too', async () => {
  const { origin } = await listen((_request, response) => response.end());
  const client = open();
  const peer = toSts(origin, client);
  await peer.request(CALL);
  const revoked = new Set<string>();
  const listeners: (() => void)[] = [];
  client.heedRevocations({
    isCertificateRevoked: (thumbprint) => revoked.has(thumbprint),
    onChange: (listener) => {
      listeners.push(listener);
      return () => undefined;
    },
  });
  await peer.request(CALL);
  revoked.add(sts.current().thumbprint);
  listeners.forEach((listener) => {
    listener();
  });
  await expect(peer.request(CALL)).rejects.toMatchObject(unavailable(/revoked/));
});

test("a connection beside the pool ends with the callee's certificate, also after our own was renewed", async () => {
  const { origin } = await listen((_request, response) => response.end());
  const own = createTestIdentity(gateway.current());
  const client = open(own);
  const peer = toSts(origin, client);
  const revoked = new Set<string>();
  const listeners: (() => void)[] = [];
  client.heedRevocations({
    isCertificateRevoked: (thumbprint) => revoked.has(thumbprint),
    onChange: (listener) => {
      listeners.push(listener);
      return () => undefined;
    },
  });
  const socket = await peer.connect({ timeoutMilliseconds: 5000 });
  const ended = new Promise((resolve) => socket.on('error', resolve));
  own.replace((await issueTestIdentity(ca, 'gateway')).current());
  await peer.request(CALL);
  expect(socket.destroyed).toBe(false);
  revoked.add(sts.current().thumbprint);
  listeners.forEach((listener) => {
    listener();
  });
  expect(await ended).toMatchObject({ message: "the callee's certificate is revoked" });
  await expect(peer.connect({ timeoutMilliseconds: 5000 })).rejects.toMatchObject(unavailable(/revoked/));
});

test('a connection is waited for no longer than its time, and no longer than it is wanted', async () => {
  const mute = createTcpServer((socket) => socket.resume()).listen(0, '127.0.0.1');
  await once(mute, 'listening');
  closing.push(() => new Promise((resolve) => mute.close(resolve)));
  const peer = toSts(`https://127.0.0.1:${String((mute.address() as AddressInfo).port)}`);
  await expect(peer.connect({ timeoutMilliseconds: 50 })).rejects.toMatchObject(unavailable(/in time/));
  const leaving = new AbortController();
  const connecting = peer.connect({ timeoutMilliseconds: 60_000, signal: leaving.signal });
  leaving.abort();
  await expect(connecting).rejects.toMatchObject(unavailable(/abandoned/));
});

test('a callee whose certificate is revoked is refused, though TLS would resume its session', async () => {
  const { origin } = await listen((_request, response) => response.setHeader('connection', 'close').end());
  const client = open();
  const peer = toSts(origin, client);
  const revoked = new Set<string>();
  client.heedRevocations({
    isCertificateRevoked: (thumbprint) => revoked.has(thumbprint),
    onChange: () => () => undefined,
  });
  for (let call = 0; call < 2; call += 1) expect((await peer.request(CALL)).status).toBe(200);
  revoked.add(sts.current().thumbprint);
  await expect(peer.request(CALL)).rejects.toMatchObject(unavailable(/is revoked/));
});

test('a callee whose certificate has expired meanwhile is refused, though TLS would resume its session', async () => {
  const leaf = await ca.issue('sts', { notAfter: Date.now() + 60_000 });
  const { origin } = await listen(
    (_request, response) => response.setHeader('connection', 'close').end(),
    toGeneration(ca.cert, leaf, 'sts'),
  );
  const time = createFakeClock(Date.now());
  const client = createSecureClient({ identity: gateway, clock: time, log });
  closing.push(() => client.close());
  const peer = toSts(origin, client);
  for (let call = 0; call < 2; call += 1) expect((await peer.request(CALL)).status).toBe(200);
  await time.advance(60_000);
  await expect(peer.request(CALL)).rejects.toMatchObject(unavailable(/has expired/));
});

test('TLS sessions are resumed', async () => {
  const resumed: boolean[] = [];
  const { origin } = await listen((request, response) => {
    resumed.push((request.socket as TLSSocket).isSessionReused());
    response.setHeader('connection', 'close').end();
  });
  const peer = toSts(origin);
  for (let call = 0; call < 3; call += 1) await peer.request(CALL);
  expect(resumed).toEqual([false, true, true]);
});

test('a repeatable call is sent once more where the connection ended before any byte of an answer, any other is not', async () => {
  let seen = 0;
  const { origin } = await listen((request, response) => {
    seen += 1;
    if (seen === 1 || request.url === '/always') request.socket.destroy();
    else response.end('answer');
  });
  const peer = toSts(origin);
  expect(String((await peer.request({ ...CALL, repeatable: true })).body)).toBe('answer');
  expect(seen).toBe(2);
  seen = 0;
  await expect(peer.request({ ...CALL })).rejects.toMatchObject(unavailable(/closed the connection/));
  expect(seen).toBe(1);
  seen = 1;
  await expect(peer.request({ ...CALL, path: '/always', repeatable: true })).rejects.toMatchObject(
    unavailable(/closed the connection/),
  );
  expect(seen).toBe(3);
});

test('a call whose answer had begun is not sent again', async () => {
  let seen = 0;
  const { origin } = await listen((request, response) => {
    seen += 1;
    response.write('half');
    setImmediate(() => request.socket.destroy());
  });
  await expect(toSts(origin).request({ ...CALL, repeatable: true })).rejects.toMatchObject(
    unavailable(/closed the connection/),
  );
  expect(seen).toBe(1);
});
