/**
 * The attacker has captured a gateway, and has opened a WebSocket at a subgraph with each caller's token: it begins no operation
 * on it once a new request with that token would be refused.
 */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer, request as ask, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { SecurityError } from '@aduana/core/errors/security-error';
import { createKnownPeers } from '@aduana/core/mtls/known-peers';
import { clientTlsOptions, serverTlsOptions } from '@aduana/core/mtls/tls-options';
import type { VerifiedToken } from '@aduana/core/tokens/access-token';
import { createAdmission, type OpenAdmission } from '@aduana/subgraph/http/admission';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { createTestCa } from '../support/test-ca.ts';
import { issueTestIdentity, type TestIdentity } from '../support/test-identity.ts';

const LIFE_MS = 60_000;
let leads: TestIdentity;
let gateway: TestIdentity;
let server: Server;
let admission: OpenAdmission;
let clock: FakeClock;
let status: { stale: boolean; revoked: boolean };
let upgraded: IncomingMessage;
let requested: IncomingMessage;
const sockets = new Set<Duplex>();

beforeAll(async () => {
  const ca = await createTestCa();
  [leads, gateway] = [await issueTestIdentity(ca, 'leads'), await issueTestIdentity(ca, 'gateway')];
  const tls = serverTlsOptions(leads.current(), { clientCertificates: 'require', minVersion: 'TLSv1.3' });
  server = createServer(tls, (incoming, response) => {
    requested = incoming;
    void admission.admit(incoming, response).then((token) => token && response.end());
  });
  server.on('upgrade', (incoming: IncomingMessage, socket: Duplex) => {
    upgraded = incoming;
    sockets.add(socket);
    void admission.admitUpgrade(incoming, socket).then(() => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
});
beforeEach(() => {
  clock = createFakeClock(Date.now());
  status = { stale: false, revoked: false };
  const token = tokenUntil(Math.floor((clock.now() + LIFE_MS) / 1000));
  admission = createAdmission({
    peers: new Set(['spiffe://aduana.local/gateway']),
    known: createKnownPeers({
      trustDomain: 'aduana.local',
      clock,
      authorities: () => leads.current().authorities,
    }),
    verify: () => Promise.resolve(token),
    isRefused: () => status.revoked,
    isEnded: () => false,
    assertFresh() {
      if (status.stale) throw new SecurityError('STATUS_UNAVAILABLE');
    },
    clock,
    onStatusChange: () => () => undefined,
  });
});

function tokenUntil(exp: number): VerifiedToken {
  return {
    kid: 'k',
    scopes: new Set(),
    claims: {
      iss: 'https://sts', aud: 'leads', sub: 'bff', client_id: 'bff', jti: 'j', iat: 0, exp, scope: '', roles: [], amr: [],
      auth_time: 0, root_jti: 'j', sub_kind: 'service', sub_iss: 'https://sts', cnf: { 'x5t#S256': gateway.current().thumbprint },
    },
  }; // prettier-ignore
}

function connect(headers: Readonly<Record<string, string>>) {
  const { port } = server.address() as AddressInfo;
  return ask({
    ...clientTlsOptions(gateway.current(), 'spiffe://aduana.local/leads', true),
    host: '127.0.0.1',
    port,
    headers: { authorization: 'Bearer token', ...headers },
  }).end();
}

async function upgrade(): Promise<void> {
  const asked = connect({ connection: 'upgrade', upgrade: 'websocket' });
  const [, socket] = (await once(asked, 'upgrade')) as [unknown, Duplex];
  sockets.add(socket.on('error', () => undefined));
}

const begin = (): unknown => admission.tokenOf(upgraded);

test('an operation begins while the token is good, and none once it has expired', async () => {
  await upgrade();
  await clock.advance(LIFE_MS - 1_000);
  expect(begin).not.toThrow();
  await clock.advance(1_000);
  expect(begin).toThrow(expect.objectContaining({ code: 'UNAUTHENTICATED' }));
});

test('none begins while the copy of the status feed is too old to rely on', async () => {
  await upgrade();
  status.stale = true;
  expect(begin).toThrow(expect.objectContaining({ code: 'STATUS_UNAVAILABLE' }));
  status.stale = false;
  expect(begin).not.toThrow();
});

test('none begins under a certificate that is refused', async () => {
  await upgrade();
  status.revoked = true;
  expect(begin).toThrow(expect.objectContaining({ code: 'UNAUTHENTICATED' }));
});

test('a request that was admitted in time keeps its token until it is answered', async () => {
  const [response] = (await once(connect({}), 'response')) as [IncomingMessage];
  response.resume();
  await clock.advance(2 * LIFE_MS);
  expect(admission.tokenOf(requested).claims.sub).toBe('bff');
});
