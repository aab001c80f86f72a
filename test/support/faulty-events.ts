import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { join } from 'node:path';
import { addSubgraph } from './added-subgraph.ts';

const SDL = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
type Query { faulty: Int }
type Subscription { faulty(how: String!): String }
`;

/** What the subgraph does with a stream, once it has sent one event that holds. */
const FAULTS: Readonly<Record<string, (response: ServerResponse) => void>> = {
  dies: (response) => {
    response.destroy();
  },
  'sends garbage': (response) => {
    response.write('event: next\ndata: {"data"\n\n');
  },
  'sends what is no result': (response) => {
    response.write('event: next\ndata: ["nothing"]\n\n');
  },
  'ends without complete': (response) => {
    response.end();
  },
  floods: (response) => {
    const text = event('x'.repeat(100_000));
    const write = (): void => {
      for (let count = 0; count < 10; count += 1) response.write(text);
    };
    write();
    const timer = setInterval(write, 20);
    response.on('close', () => {
      clearInterval(timer);
    });
  },
};

function event(value: string): string {
  return `event: next\ndata: ${JSON.stringify({ data: { faulty: value } })}\n\n`;
}

/** A folder's supergraph with one more subgraph, whose streams break as their argument says. */
export async function withFaultyEvents(
  folder: string,
): Promise<{ environment: Record<string, string>; serve(): Promise<Server> }> {
  const { environment, port } = await addSubgraph(folder, { name: 'faulty', sdl: SDL });
  return { environment, serve: () => serveFaulty(join(folder, 'certs'), port) };
}

function serveFaulty(certificates: string, port: number): Promise<Server> {
  const read = (file: string) => readFileSync(join(certificates, file));
  const server = createServer(
    { requestCert: true, ca: read('ca.crt'), cert: read('leads.crt'), key: read('leads.key') },
    (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = JSON.parse(Buffer.concat(chunks).toString()) as { query: string };
        const how = /how: ?"([^"]+)"/.exec(body.query)?.[1] ?? '';
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(event('first'));
        setImmediate(() => FAULTS[how]?.(response));
      });
    },
  );
  return new Promise((opened) => server.listen(port, '127.0.0.1', () => { opened(server); })); // prettier-ignore
}
