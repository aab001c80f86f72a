import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createBodyBudget } from '@aduana/core/http/body-budget';
import type { ServiceRequest } from '@aduana/core/http/route';
import { type HttpService, openHttpService } from '@aduana/server-kit/http/service';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createFakeClock } from '../support/fake-clock.ts';
import { until } from '../support/until.ts';

// The attacker: anybody who begins one token request after the other, and sends the body of none.
const MOST_OF_ONE = 256;
const MOST_OF_ALL = 1_024;
const BODY = 'grant_type=client_credentials';

const open: Socket[] = [];
let service: HttpService;
let arrived: number;

beforeEach(async () => {
  arrived = 0;
  service = await openHttpService({
    name: 'test',
    listeners: [{ address: '127.0.0.1', port: 0, tls: undefined }],
    platform: { clock: createFakeClock(), log: createLog('silent', () => undefined) },
  });
  const handle = async (request: ServiceRequest) => {
    arrived += 1;
    return { status: 200, body: String((await request.body(1_000)).length) };
  };
  service.serve([{ method: 'POST', path: '/sts/token', handle }], () => Promise.resolve({ status: 'ok', checks: {} }), () => false); // prettier-ignore
});
afterEach(async () => {
  for (const socket of open.splice(0)) socket.destroy();
  await service.stop();
});

/** Begins requests, whose answers end with their connection or as a whole. */
async function begin(localAddress: string, count: number) {
  const before = arrived;
  const begun = Array.from({ length: count }, () => {
    const socket = connect({ host: '127.0.0.1', port: service.ports[0] ?? 0, localAddress });
    open.push(socket);
    const one = { socket, answer: '' };
    socket.on('data', (chunk: Buffer) => (one.answer += chunk.toString())).on('error', () => undefined);
    socket.write(
      `POST /sts/token HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${String(BODY.length)}\r\n\r\ng`,
    );
    return one;
  });
  await until(() => arrived === before + count);
  return begun;
}

test('of the half-sent bodies of one address the oldest make room, and whoever sends all of it is served', async () => {
  const [other] = await begin('127.0.0.2', 1);
  const oldest = await begin('127.0.0.1', 20);
  const others = await begin('127.0.0.1', MOST_OF_ONE - 1);
  const [newest] = await begin('127.0.0.1', 1);
  await until(() => oldest.every(({ socket }) => socket.closed));
  for (const { answer } of oldest) expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  expect(others.filter(({ answer }) => answer !== '')).toEqual([]);
  for (const honest of [newest, other]) {
    honest?.socket.write(BODY.slice(1));
    await until(() => honest?.answer !== '');
    expect(honest?.answer).toMatch(/^HTTP\/1\.1 200 /);
  }
});

test('those of all addresses together are bounded as well, at no cost that grows', () => {
  const clock = createFakeClock();
  const bodies = createBodyBudget({ clock });
  const refused: number[] = [];
  for (let n = 0; n < 3 * MOST_OF_ALL; n += 1)
    bodies.watch(() => 1, () => refused.push(n), `2001:db8::${n.toString(16)}`); // prettier-ignore
  expect(refused).toEqual(Array.from({ length: 2 * MOST_OF_ALL }, (_, n) => n));
  expect(clock.pending).toBe(MOST_OF_ALL);
});

test('of too many in all, those of who has most make room', () => {
  const bodies = createBodyBudget({ clock: createFakeClock() });
  const refused: string[] = [];
  const begin = (address: string) => bodies.watch(() => 1, () => refused.push(address), address); // prettier-ignore
  begin('honest');
  for (let n = 0; n < 3 * MOST_OF_ALL; n += 1) begin(`attacker ${String(n % 6)}`);
  expect(refused.length).toBeGreaterThan(MOST_OF_ALL);
  expect(refused).not.toContain('honest');
});

test('one that has arrived, or was refused, takes no room any more', () => {
  const bodies = createBodyBudget({ clock: createFakeClock() });
  const refused: number[] = [];
  for (let n = 0; n < 3 * MOST_OF_ONE; n += 1)
    bodies.watch(() => 1, () => refused.push(n), '198.51.100.7').cancel(); // prettier-ignore
  expect(refused).toEqual([]);
});

test('a client that is known is not bounded by its address', () => {
  const bodies = createBodyBudget({ clock: createFakeClock() });
  const refused: number[] = [];
  for (let n = 0; n < 3 * MOST_OF_ALL; n += 1) bodies.watch(() => 1, () => refused.push(n)); // prettier-ignore
  expect(refused).toEqual([]);
});
