import { once } from 'node:events';
import { createServer, request as sendRequest } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface RoundRobin {
  readonly port: number;
  close(): Promise<void>;
}

/** A load balancer that gives each request to the next port, as it came. */
export async function startRoundRobin(ports: readonly number[]): Promise<RoundRobin> {
  let turn = 0;
  const server = createServer((request, response) => {
    const port = ports[turn++ % ports.length];
    const { method, url, headers } = request;
    const connection = { host: '127.0.0.1', port, agent: false };
    const onward = sendRequest({ ...connection, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.writeHead(502).end());
    request.pipe(onward);
  }).listen(0, '127.0.0.1');
  // A connection that is closed for being idle could be the one that a request goes out on.
  server.keepAliveTimeout = 0;
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
