/**
 * The attacker controls a Sentinel, or answers in its place. It names a host of its own as the master, to which services then
 * log in to Redis with their password.
 */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { connectRedis, connectRedisForMessages } from '@aduana/server-kit/bus/connect-redis';
import { until } from '../support/until.ts';

let sentinel: Server;
let other: Server;
/** What arrived at the host that only the Sentinel knows. */
let received: string;
let questions: number;
const sockets = new Set<Socket>();

const portOf = (server: Server): string => String((server.address() as AddressInfo).port);
const listen = (server: Server): Promise<void> =>
  new Promise((done) =>
    server.listen(0, '127.0.0.1', () => {
      done();
    }),
  );
const bulk = (text: string): string => `$${String(text.length)}\r\n${text}\r\n`;

beforeEach(async () => {
  [received, questions] = ['', 0];
  other = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    socket.on('data', (bytes) => {
      received += bytes.toString('latin1');
      socket.write('+OK\r\n');
    });
  });
  await listen(other);
  sentinel = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    socket.on('data', (bytes) => {
      for (const command of bytes.toString('latin1').split(/(?=\*\d+\r\n\$)/)) {
        const isQuestion = command.includes('get-master-addr-by-name');
        if (isQuestion) questions += 1;
        // whatever else is asked for, another Sentinel of the attacker's is there
        if (isQuestion) socket.write(`*2\r\n${bulk('127.0.0.1')}${bulk(portOf(other))}`);
        else if (command.includes('sentinels'))
          socket.write(`*1\r\n*4\r\n${bulk('ip')}${bulk('127.0.0.1')}${bulk('port')}${bulk(portOf(other))}`);
        else socket.write('+OK\r\n');
      }
    });
  });
  await listen(sentinel);
});
afterEach(() => {
  for (const server of [sentinel, other]) server.close();
  for (const socket of sockets) socket.destroy();
  sockets.clear();
});

const urlWith = (masters: string): string =>
  `redis+sentinel://gateway:s3cret@127.0.0.1:${portOf(sentinel)}/mymaster?sentinel_password=w4tch${masters}`;

test.each([
  ['a host', '&masters=redis-1,redis-2'],
  ['a port of a host', '&masters=127.0.0.1:1,redis-2'],
])('%s that is not listed gets no login, from no connection', async (_, masters) => {
  const clients = [connectRedis(urlWith(masters), {}), connectRedisForMessages(urlWith(masters), {})];
  for (const client of clients) client.on('error', () => undefined);
  await until(() => questions >= 6 || received !== '');
  for (const client of clients) client.disconnect();
  expect(received).toBe('');
});

test.each(['&masters=127.0.0.1', '&masters=redis-1,127.0.0.1:PORT', ''])(
  'with `%s` the master that is named gets it',
  async (masters) => {
    const client = connectRedis(urlWith(masters.replace('PORT', portOf(other))), {});
    client.on('error', () => undefined);
    await until(() => received.includes('s3cret'));
    client.disconnect();
  },
);
