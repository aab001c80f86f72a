import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * `away`: connections end; `mute`: calls are taken and not answered; `slow`: 503 SlowDown; `denied`, `unknown_key`: wrong
 * credentials; `full`: no room; `no_bucket`.
 */
export type ObjectStoreFault =
  'none' | 'away' | 'mute' | 'slow' | 'denied' | 'unknown_key' | 'full' | 'no_bucket';

const ANSWERS: Partial<Record<ObjectStoreFault, readonly [status: number, code: string]>> = {
  slow: [503, 'SlowDown'],
  denied: [403, 'AccessDenied'],
  unknown_key: [403, 'InvalidAccessKeyId'],
  full: [507, 'XMinioStorageFull'],
  no_bucket: [404, 'NoSuchBucket'],
};

/** A server that speaks the parts of the S3 protocol that the deployment uses, in path style; anybody may read it over HTTP. */
export interface ObjectStoreDouble {
  readonly address: string;
  /** What it holds, by `bucket/key`. */
  readonly objects: Map<string, Buffer>;
  /** What was asked for, as `PUT bucket/key`. */
  readonly requests: string[];
  fault(kind: ObjectStoreFault): void;
  close(): Promise<void>;
}

/** @param conditions what becomes of `If-None-Match`; it is respected by default */
export async function startObjectStoreDouble(
  conditions: 'respected' | 'ignored' | 'refused' = 'respected',
): Promise<ObjectStoreDouble> {
  const objects = new Map<string, Buffer>();
  const requests: string[] = [];
  const state = { fault: 'none' as ObjectStoreFault };

  function put(key: string, message: IncomingMessage, body: Buffer, response: ServerResponse): void {
    const isConditional = message.headers['if-none-match'] === '*';
    if (isConditional && conditions === 'refused') refuse(response, 501, 'NotImplemented');
    else if (isConditional && conditions === 'respected' && objects.has(key))
      refuse(response, 412, 'PreconditionFailed');
    else {
      objects.set(key, body);
      response.writeHead(200, { etag: '"x"' }).end();
    }
  }

  function get(key: string, response: ServerResponse): void {
    const body = objects.get(key);
    if (body === undefined) refuse(response, 404, 'NoSuchKey');
    else response.writeHead(200, { 'last-modified': new Date().toUTCString() }).end(body);
  }

  function list(bucket: string, prefix: string, response: ServerResponse): void {
    const begin = `${bucket}/${prefix}`;
    const keys = [...objects.keys()].filter((key) => key.startsWith(begin)).sort();
    const contents = keys.map((key) => `<Contents><Key>${key.slice(bucket.length + 1)}</Key></Contents>`);
    response.writeHead(200, { 'content-type': 'application/xml' });
    response.end(`<?xml version="1.0"?><ListBucketResult>${contents.join('')}</ListBucketResult>`);
  }

  async function handle(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk as Buffer);
    const { pathname, searchParams } = new URL(message.url ?? '', 'http://double');
    const key = decodeURIComponent(pathname.slice(1));
    requests.push(`${String(message.method)} ${key}`);
    const answer = ANSWERS[state.fault];
    if (state.fault === 'mute') return;
    if (state.fault === 'away') message.socket.destroy();
    else if (answer !== undefined) refuse(response, ...answer);
    else if (message.method === 'PUT') put(key, message, Buffer.concat(chunks), response);
    else if (message.method === 'DELETE') {
      objects.delete(key);
      response.writeHead(204).end();
    } else if (searchParams.has('list-type'))
      list(key.replace(/\/$/, ''), searchParams.get('prefix') ?? '', response);
    else get(key, response);
  }

  const server = createServer((message, response) => void handle(message, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    objects,
    requests,
    fault: (kind) => void (state.fault = kind),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/xml' });
  response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>no</Message></Error>`);
}
