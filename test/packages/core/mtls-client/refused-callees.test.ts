import { expect, test } from '@jest/globals';
import { createSecureClient } from '@aduana/core/mtls-client/secure-client';
import { createFakeClock } from '../../../support/fake-clock.ts';
import {
  createTestIdentity,
  issueTestIdentity,
  toForgedGeneration,
  toGeneration,
} from '../../../support/test-identity.ts';
import {
  CALL,
  closing,
  known,
  listen,
  log,
  openClient,
  toSts,
  unavailable,
} from '../../../support/mtls-callee.ts';

test('a callee with another SPIFFE ID gets no request', async () => {
  const received: string[] = [];
  const impostor = await issueTestIdentity(known.ca, 'leads');
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
    const forged = toForgedGeneration(known.ca.cert, await known.ca.issueBad(kind, 'sts'));
    const { origin } = await listen(() => received.push('request'), forged);
    await expect(toSts(origin).request(CALL)).rejects.toMatchObject(unavailable(/certificate/));
    expect(received).toEqual([]);
  },
); // prettier-ignore

test('a client certificate that the callee refuses is reported as such', async () => {
  const forged = createTestIdentity(
    toForgedGeneration(known.ca.cert, await known.ca.issueBad('expired', 'gateway')),
  );
  const { origin } = await listen((_request, response) => response.end());
  await expect(toSts(origin, openClient(forged)).request(CALL)).rejects.toMatchObject(unavailable(/refuse/));
});

test('a callee whose certificate is revoked is refused, on open connections too', async () => {
  const { origin } = await listen((_request, response) => response.end());
  const client = openClient();
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
  revoked.add(known.sts.current().thumbprint);
  listeners.forEach((listener) => {
    listener();
  });
  await expect(peer.request(CALL)).rejects.toMatchObject(unavailable(/revoked/));
});

test("a connection beside the pool ends with the callee's certificate, also after our own was renewed", async () => {
  const { origin } = await listen((_request, response) => response.end());
  const own = createTestIdentity(known.gateway.current());
  const client = openClient(own);
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
  own.replace((await issueTestIdentity(known.ca, 'gateway')).current());
  await peer.request(CALL);
  expect(socket.destroyed).toBe(false);
  revoked.add(known.sts.current().thumbprint);
  listeners.forEach((listener) => {
    listener();
  });
  expect(await ended).toMatchObject({ message: "the callee's certificate is revoked" });
  await expect(peer.connect({ timeoutMilliseconds: 5000 })).rejects.toMatchObject(unavailable(/revoked/));
});

test('a callee whose certificate is revoked is refused, though TLS would resume its session', async () => {
  const { origin } = await listen((_request, response) => response.setHeader('connection', 'close').end());
  const client = openClient();
  const peer = toSts(origin, client);
  const revoked = new Set<string>();
  client.heedRevocations({
    isCertificateRevoked: (thumbprint) => revoked.has(thumbprint),
    onChange: () => () => undefined,
  });
  for (let call = 0; call < 2; call += 1) expect((await peer.request(CALL)).status).toBe(200);
  revoked.add(known.sts.current().thumbprint);
  await expect(peer.request(CALL)).rejects.toMatchObject(unavailable(/is revoked/));
});

test('a callee whose certificate has expired meanwhile is refused, though TLS would resume its session', async () => {
  const leaf = await known.ca.issue('sts', { notAfter: Date.now() + 60_000 });
  const { origin } = await listen(
    (_request, response) => response.setHeader('connection', 'close').end(),
    toGeneration(known.ca.cert, leaf, 'sts'),
  );
  const time = createFakeClock(Date.now());
  const client = createSecureClient({ identity: known.gateway, clock: time, log });
  closing.push(() => client.close());
  const peer = toSts(origin, client);
  for (let call = 0; call < 2; call += 1) expect((await peer.request(CALL)).status).toBe(200);
  await time.advance(60_000);
  await expect(peer.request(CALL)).rejects.toMatchObject(unavailable(/has expired/));
});
