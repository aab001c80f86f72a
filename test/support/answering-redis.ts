import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';

/** A text of RESP. */
export const bulk = (text: string): string => `$${String(text.length)}\r\n${text}\r\n`;
const slots = (port: number): string =>
  `*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n${bulk('127.0.0.1')}:${String(port)}\r\n`;
/** The answer to the subscription of one channel. */
export const subscribed = `>3\r\n${bulk('subscribe')}${bulk('a:sts')}:1\r\n`;

/** A server, Sentinel and Cluster in one that says what a test has it say. */
export interface AnsweringRedis {
  /** What this server says to a command in place of the truth, at most `times` times. */
  readonly lie: (command: string) => string | Buffer | undefined;
  times: number;
  readonly sockets: Socket[];
  readonly port: number;
  close(): void;
}

/** @param tls without it: plain TCP */
export async function startAnsweringRedis(
  lie: AnsweringRedis['lie'],
  times = 3,
  tls?: TlsOptions,
): Promise<AnsweringRedis> {
  const serve = (socket: Socket): void => {
    redis.sockets.push(socket.on('error', () => undefined));
    socket.on('data', (bytes) => {
      for (const command of bytes
        .toString('latin1')
        .toLowerCase()
        .split(/(?=\*\d+\r\n\$)/))
        answer(socket, command);
    });
  };
  const answer = (socket: Socket, command: string): void => {
    const said = redis.times > 0 ? redis.lie(command) : undefined;
    if (said !== undefined) redis.times -= 1;
    socket.write(said ?? truth(command, redis.port));
  };
  const server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const redis: AnsweringRedis = {
    lie,
    times,
    sockets: [],
    port: (server.address() as AddressInfo).port,
    close() {
      server.close();
      for (const socket of redis.sockets) socket.destroy();
    },
  };
  return redis;
}

function truth(command: string, port: number): string {
  if (command.includes('hello')) return `%1\r\n${bulk('proto')}:3\r\n`;
  if (command.includes('cluster') && command.includes('slots')) return slots(port);
  if (command.includes('cluster')) return bulk('cluster_state:ok\r\n');
  if (command.includes('info\r\n') && !command.includes('client'))
    return bulk('redis_version:7.0.0\r\nloading:0\r\nrole:master\r\n');
  if (command.includes('subscribe')) return `>3\r\n${bulk('subscribe')}${bulk('a:sts')}:1\r\n`;
  if (command.includes('get-master')) return `*2\r\n${bulk('127.0.0.1')}${bulk(String(port))}`;
  if (command.includes('sentinels')) return '*0\r\n';
  return '+OK\r\n';
}
