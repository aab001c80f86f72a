import { connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type HttpService, openHttpService } from '@aduana/server-kit/http/service';
import { createKnownPeers } from '@aduana/core/mtls/known-peers';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { X509Certificate } from 'node:crypto';
import { createFakeClock } from '../support/fake-clock.ts';
import { createTestCa, type TestCa } from '../support/test-ca.ts';
import { issueTestIdentity } from '../support/test-identity.ts';

const clock = createFakeClock(Date.now());
let ca: TestCa;
let service: HttpService;

beforeAll(async () => {
  ca = await createTestCa();
  const identity = await issueTestIdentity(ca, 'gateway');
  const tls = {
    identity,
    trustDomain: 'aduana.local',
    clientCertificates: 'request',
    minVersion: 'TLSv1.2',
  } as const;
  service = await openHttpService({
    name: 'test',
    listeners: [{ address: '127.0.0.1', port: 0, tls }],
    platform: { clock, log: createLog('silent', () => undefined) },
  });
});
afterAll(() => service.stop());

test('nobody negotiates a TLS 1.2 connection anew, to show another certificate or to cost handshakes', async () => {
  const socket = connect({
    host: '127.0.0.1',
    port: service.ports[0] ?? 0,
    maxVersion: 'TLSv1.2',
    rejectUnauthorized: false,
  });
  const negotiatedAnew = await new Promise<boolean>((resolve) => {
    socket.on('error', () => { resolve(false); }); // prettier-ignore
    socket.on('close', () => { resolve(false); }); // prettier-ignore
    socket.once('secureConnect', () => {
      socket.renegotiate({}, (error) => { resolve(error === null); }); // prettier-ignore
    });
  });
  socket.destroy();
  expect(negotiatedAnew).toBe(false);
});

test.each(['nobody', 'leads'] as const)(
  'a connection that began as %s stays that, whatever certificate it shows later',
  async (first) => {
    const peers = createKnownPeers({
      trustDomain: 'aduana.local',
      clock,
      authorities: () => [new X509Certificate(ca.cert).raw],
    });
    const shown: { certificate: X509Certificate | undefined } = { certificate: undefined };
    if (first === 'leads') shown.certificate = new X509Certificate((await ca.issue('leads')).cert);
    const socket = {
      authorized: first === 'leads',
      authorizationError: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      getPeerX509Certificate: () => shown.certificate,
      isSessionReused: () => false,
    } as unknown as TLSSocket;
    const before = peers.read(socket);
    expect(before?.spiffeId).toBe(first === 'leads' ? 'spiffe://aduana.local/leads' : undefined);
    shown.certificate = new X509Certificate((await ca.issueBad('self_signed', 'operator')).cert);
    expect(peers.read(socket)).toBe(before);
  },
);
