import { once } from 'node:events';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { expect, test } from '@jest/globals';
import { readPeerIdentity } from '@aduana/core/mtls/read-peer-identity';
import { issueTestIdentity, toGeneration } from '../../../support/test-identity.ts';
import {
  CALL,
  closing,
  known,
  listen,
  openClient,
  STS,
  toSts,
  unavailable,
} from '../../../support/mtls-callee.ts';

test('both sides know each other by SPIFFE ID', async () => {
  const { origin } = await listen((request, response) => {
    const peer = readPeerIdentity(request.socket as TLSSocket, 'aduana.local');
    response.setHeader('x-seen', peer?.spiffeId ?? '').end(peer?.thumbprint);
  });
  const answer = await toSts(origin).request(CALL);
  expect(answer.status).toBe(200);
  expect(answer.headers['x-seen']).toBe('spiffe://aduana.local/gateway');
  expect(answer.body.toString()).toBe(known.gateway.current().thumbprint);
});

test('a body arrives whole and its answer is returned whole', async () => {
  const { origin } = await listen((request, response) => void request.pipe(response));
  const body = 'ñ'.repeat(100_000);
  const answer = await toSts(origin).request({ ...CALL, method: 'POST', body, maxResponseBytes: 1e6 });
  expect(answer.body.toString()).toBe(body);
});

test('a peer without clientCertificate shows none', async () => {
  const { origin } = await listen(
    (request, response) =>
      response.end(String(readPeerIdentity(request.socket as TLSSocket, 'aduana.local') === undefined)),
    known.sts.current(),
    'request',
  );
  const peer = openClient().peer({
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
  const peer = openClient().peer({
    origin,
    spiffeId: STS,
    failureCode: 'STS_UNAVAILABLE',
    maxConnections: 1,
  });
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
  const identity = await issueTestIdentity(known.ca, 'gateway');
  const shown: (string | undefined)[] = [];
  const waiting: (() => void)[] = [];
  const { origin } = await listen((request, response) => {
    shown.push(readPeerIdentity(request.socket as TLSSocket, 'aduana.local')?.thumbprint);
    if (request.url === '/slow') waiting.push(() => response.end('done'));
    else response.end('done');
  });
  const peer = toSts(origin, openClient(identity));
  const before = identity.current().thumbprint;
  await peer.request(CALL);
  const slow = peer.request({ ...CALL, path: '/slow' });
  while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve));
  identity.replace(toGeneration(known.ca.cert, await known.ca.issue('gateway'), 'gateway'));
  const after = identity.current().thumbprint;
  await peer.request(CALL);
  waiting.forEach((finish) => {
    finish();
  });
  expect((await slow).body.toString()).toBe('done');
  expect(shown).toEqual([before, before, after]);
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
