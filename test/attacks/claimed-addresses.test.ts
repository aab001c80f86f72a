import { once } from 'node:events';
import { type AddressInfo, connect, createServer, Socket } from 'node:net';
import { afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { ConnectionRefusal } from '@aduana/core/mtls/connection-refusal';
import { type HttpService, openHttpService } from '@aduana/server-kit/http/service';
import { readForwardedConnections } from '@aduana/server-kit/http/forwarded-connections';
import { loadConfig } from '@aduana/server-kit/config/load-config';
import { serviceListeners } from '@aduana/server-kit/http/service-listeners';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { GATEWAY_SETTINGS } from '../../gateway/config.ts';
import { listenersOf } from '../../gateway/listeners.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import {
  askForwarded,
  connectFrom,
  type ForwardedRequest,
  proxyHeader,
} from '../support/forwarded-client.ts';
import { createTestCa, type TestCa } from '../support/test-ca.ts';
import { issueTestIdentity, type TestIdentity } from '../support/test-identity.ts';
import { until } from '../support/until.ts';

// The attacker: anybody who connects, and says to be somebody else. Of all addresses, one is the balancer's.
const BALANCER = '127.0.0.1';
const FOREIGN = '127.0.0.2';
const CLIENT = '198.51.100.7';

let ca: TestCa;
let identity: TestIdentity;
let clock: FakeClock;
let service: HttpService;
let port: number;
let refusals: ConnectionRefusal[];
const open: Socket[] = [];

beforeAll(async () => {
  ca = await createTestCa();
  identity = await issueTestIdentity(ca, 'gateway');
});
beforeEach(async () => {
  clock = createFakeClock(Date.now());
  refusals = [];
  const tls = { identity, trustDomain: 'aduana.local', clientCertificates: 'request', minVersion: 'TLSv1.2', balancers: [BALANCER] } as const; // prettier-ignore
  service = await openHttpService({
    name: 'test',
    listeners: [{ address: BALANCER, port: 0, tls }],
    platform: { clock, log: createLog('silent', () => undefined) },
  });
  port = service.ports[0] ?? 0;
  const whoAmI = { method: 'GET', path: '/address', handle: (request: { remoteAddress: string }) => Promise.resolve({ status: 200, body: request.remoteAddress }) } as const; // prettier-ignore
  service.serve([whoAmI], () => Promise.resolve({ status: 'ok', checks: {} }), () => false, (refusal) => refusals.push(refusal)); // prettier-ignore
});
afterEach(async () => {
  for (const socket of open.splice(0)) socket.destroy();
  await service.stop();
});

const ask = async (
  header: ForwardedRequest['header'],
  more: Partial<ForwardedRequest> = {},
): Promise<string | undefined> =>
  askForwarded(port, { header, ca: ca.cert, path: '/address', ...more }).then(
    ({ body }) => body,
    () => undefined,
  );

async function send(bytes: Buffer | string, localAddress = BALANCER): Promise<Socket> {
  const socket = await connectFrom(port, localAddress);
  open.push(socket);
  socket.resume().write(bytes);
  return socket;
}

test.each([
  ['version 1', `PROXY TCP4 ${CLIENT} 10.0.0.9 57005 4443\r\n`],
  ['version 2', proxyHeader(CLIENT)],
])('a header of a balancer names the client, in %s', async (_version, header) => {
  expect(await ask(header)).toBe(CLIENT);
});

test('an IPv6 address has one text, however it was written', async () => {
  expect(await ask(proxyHeader('2001:db8:0:0:0:0:0:7'))).toBe('2001:db8::7');
  expect(await ask('PROXY TCP6 2001:DB8:0::7 2001:db8::9 57005 4443\r\n')).toBe('2001:db8::7');
});

test('a connection of the balancer itself has its address', async () => {
  expect(await ask(proxyHeader())).toBe(BALANCER);
});

test('a header of anybody else is refused, and its claim is recorded nowhere', async () => {
  expect(await ask(proxyHeader(CLIENT), { localAddress: FOREIGN })).toBeUndefined();
  expect(await ask(`PROXY TCP4 ${CLIENT} 10.0.0.9 1 2\r\n`, { localAddress: FOREIGN })).toBeUndefined();
  expect(refusals.map(({ address }) => address)).toEqual([FOREIGN, FOREIGN]);
});

test('who is no balancer is served without a header, under its own address', async () => {
  expect(await ask('', { localAddress: FOREIGN })).toBe(FOREIGN);
});

test('a connection of a balancer without a header is refused', async () => {
  expect(await ask('')).toBeUndefined();
  expect(refusals).toEqual([{ reason: 'there is no PROXY header', thumbprint: null, address: BALANCER }]);
});

test('a header within TLS counts for nothing', async () => {
  expect(await ask('', { localAddress: FOREIGN, inTls: proxyHeader(CLIENT) })).not.toBe(CLIENT);
  expect(await ask(proxyHeader('198.51.100.8'), { inTls: proxyHeader(CLIENT) })).not.toBe(CLIENT);
});

test('a header that claims the address of a balancer makes no second one count', async () => {
  expect(await ask(proxyHeader(BALANCER))).toBe(BALANCER);
  expect(await ask(Buffer.concat([proxyHeader(BALANCER), proxyHeader(CLIENT)]))).toBeUndefined();
});

test.each([
  ['10,000 bytes without a line end', `PROXY TCP4 ${'1'.repeat(10_000)}`],
  ['a length of 65,535 bytes', Buffer.from([...proxyHeader().subarray(0, 14), 0xff, 0xff])],
  ['a client that nobody knows', 'PROXY UNKNOWN\r\n  and bytes behind it'],
  ['a client on another transport', Buffer.from([...proxyHeader(CLIENT)].with(13, 0x12))],
  ['another command', Buffer.from([...proxyHeader(CLIENT)].with(12, 0x2f))],
  ['too few bytes for the addresses', Buffer.from([...proxyHeader(CLIENT).subarray(0, 24)].with(15, 8))],
  ['two spaces', `PROXY TCP4  ${CLIENT} 10.0.0.9 1 2\r\n`],
  ['an address of the other family', `PROXY TCP6 ${CLIENT} 10.0.0.9 1 2\r\n`],
  ['a zone in its address', 'PROXY TCP6 fe80::1%lo fe80::2 1 2\r\n'],
  ['no carriage return', `PROXY TCP4 ${CLIENT} 10.0.0.9 1 2\n`],
])('a header with %s is refused at once', async (_what, header) => {
  const socket = await send(header);
  await once(socket, 'close');
  expect(refusals).toHaveLength(1);
  expect(refusals[0]?.address).toBe(BALANCER);
});

test('a header that comes byte by byte has the time of one, and then its connection ends', async () => {
  const before = clock.pending;
  const socket = await send('P');
  await until(() => clock.pending > before);
  const closed = once(socket, 'close');
  for (const byte of 'ROXY') {
    socket.write(byte);
    await clock.advance(1_000);
  }
  expect(socket.destroyed).toBe(false);
  await clock.advance(1_000);
  await closed;
  expect(clock.pending).toBe(before);
  expect(await ask(proxyHeader(CLIENT))).toBe(CLIENT);
});

test('a balancer that waits for its client keeps nobody from the others', async () => {
  for (let count = 0; count < 100; count += 1) await send('');
  expect(await ask(proxyHeader(CLIENT))).toBe(CLIENT);
});

test('a header that comes in parts, with more than addresses, is read as one', async () => {
  const header = [...proxyHeader(CLIENT, Buffer.alloc(50, 7))].map((byte) => Buffer.from([byte]));
  expect(await ask(header)).toBe(CLIENT);
});

test('a header that comes with the first bytes of TLS leaves them to TLS', async () => {
  const balancer = createServer((client) => {
    client.once('data', (hello) => {
      const upstream = connect(port, BALANCER);
      upstream.write(Buffer.concat([proxyHeader(CLIENT), hello]));
      client.pipe(upstream).pipe(client);
      open.push(upstream, client);
    });
  });
  await once(balancer.listen(0, BALANCER), 'listening');
  const { port: forwarding } = balancer.address() as AddressInfo;
  const answer = await askForwarded(forwarding, { header: '', ca: ca.cert, path: '/address' });
  balancer.close();
  expect(answer).toEqual({ status: 200, body: CLIENT });
});

test('a refused certificate is recorded with the address of the client', async () => {
  const leaf = await ca.issueBad('self_signed', 'operator');
  expect(await ask(proxyHeader(CLIENT), { leaf })).toBeUndefined();
  expect(refusals.map(({ address }) => address)).toEqual([CLIENT]);
});

test('a service stops while headers are awaited', async () => {
  const socket = await send('');
  const closed = once(socket, 'close');
  await service.stop();
  await closed;
});

test('who is gone before its address is known is not believed, whatever it has sent', () => {
  const taken: Socket[] = [];
  const server = createServer((socket) => taken.push(socket));
  readForwardedConnections(server, { from: [BALANCER], clock, onRefusal: () => undefined });
  const gone = new Socket(); // reset before it was accepted, it has no address
  server.emit('connection', gone);
  expect(taken).toEqual([gone]);
});

test('nobody is believed by default, and never everybody', () => {
  const read = (PROXY_PROTOCOL_FROM?: string) => loadConfig(GATEWAY_SETTINGS, { PROXY_PROTOCOL_FROM });
  expect(read().PROXY_PROTOCOL_FROM).toEqual([]);
  for (const wrong of ['0.0.0.0/0', '::/0', '::ffff:0.0.0.0/96', '10.0.0.5,::/0', 'balancer', '10.0.0.0/33'])
    expect(() => read(wrong)).toThrow('PROXY_PROTOCOL_FROM');
});

test('the TLS ports of the gateway and the services believe those that are listed', () => {
  const settings = loadConfig(GATEWAY_SETTINGS, { PROXY_PROTOCOL_FROM: '10.0.0.5, 2001:db8::/64' });
  const opened = [
    ...listenersOf(settings, { identity }),
    ...serviceListeners(settings, identity, 0).listeners,
  ];
  for (const { tls } of opened.filter((one) => one.tls !== undefined))
    expect(tls?.balancers).toEqual(['10.0.0.5', '2001:db8::/64']);
});
