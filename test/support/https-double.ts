import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:https';
import { mkdtemp } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestCa } from './test-ca.ts';

export interface DoubleRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface DoubleAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Where it stops for good. */
  readonly hangs?: 'before' | 'within' | undefined;
}

/** A receiver over HTTPS that answers as its protocol says, and as a test sets it. */
export interface HttpsDouble {
  readonly url: string;
  /** The CA's file. */
  readonly ca: string;
  /** Holds that file and the certificates, as CERTS_DIR does. */
  readonly folder: string;
  close(): Promise<void>;
}

/** @param services that get certificates: it is the first one itself */
export async function openHttpsDouble(
  answer: (request: DoubleRequest) => DoubleAnswer,
  services: readonly [string, ...string[]] = ['sts'],
): Promise<HttpsDouble> {
  const folder = await mkdtemp(join(tmpdir(), 'aduana-double-'));
  const ca = await createTestCa();
  await ca.write(folder, services);
  const { cert, key } = await ca.issue(services[0]);
  const server = createServer({ cert, key }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { url: path = '', headers } = request;
      const {
        status,
        body,
        headers: more,
        hangs,
      } = answer({ path, headers, body: Buffer.concat(chunks).toString('utf8') });
      if (hangs === 'before') return;
      response.writeHead(status, { 'content-type': 'application/json', ...more });
      if (hangs === 'within') response.write(' ');
      else response.end(JSON.stringify(body));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://localhost:${String(port)}`,
    ca: join(folder, 'ca.crt'),
    folder,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
