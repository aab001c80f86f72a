import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect, isIPv4, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** What a balancer sends before the bytes of a client, version 2 of the PROXY protocol; `LOCAL` without a client. */
export function proxyHeader(source?: string, more: Buffer = Buffer.alloc(0)): Buffer {
  const addresses = source === undefined ? Buffer.alloc(0) : isIPv4(source) ? ofIpv4(source) : ofIpv6(source);
  const start = Buffer.from('\r\n\r\n\0\r\nQUIT\n0000', 'latin1');
  start[12] = source === undefined ? 0x20 : 0x21;
  start[13] = source === undefined ? 0 : isIPv4(source) ? 0x11 : 0x21;
  start.writeUInt16BE(addresses.length + more.length, 14);
  return Buffer.concat([start, addresses, more]);
}

function ofIpv4(source: string): Buffer {
  return Buffer.from([...source.split('.').map(Number), 10, 0, 0, 9, 0xde, 0xad, 0x11, 0x5b]);
}

/** @param source with all of its eight groups */
function ofIpv6(source: string): Buffer {
  const groups = Buffer.alloc(36);
  source.split(':').forEach((group, index) => groups.writeUInt16BE(Number.parseInt(group, 16), 2 * index));
  return groups;
}

export interface ForwardedRequest {
  /** What is sent before TLS, at once or in parts. */
  readonly header: Buffer | string | readonly Buffer[];
  readonly ca: string;
  readonly leaf?: { readonly cert: string; readonly key: string };
  /** Of the balancer. */
  readonly localAddress?: string;
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Sent first within TLS. */
  readonly inTls?: Buffer;
}

/** Connects as a balancer does, whose address it has. */
export async function connectFrom(port: number, localAddress = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, localAddress });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** A request over TLS behind a header; rejects where the connection is ended. */
export async function askForwarded(
  port: number,
  { header, ca, leaf, localAddress, inTls, body, ...options }: ForwardedRequest,
): Promise<{ readonly status: number; readonly body: string }> {
  const tcp = await connectFrom(port, localAddress);
  tcp.setNoDelay(true);
  for (const part of Array.isArray(header) ? (header as readonly Buffer[]) : [header as Buffer]) {
    tcp.write(part);
    await new Promise(setImmediate);
  }
  const certificate = leaf === undefined ? {} : { cert: leaf.cert, key: leaf.key };
  const socket = connectTls({ socket: tcp, ca, servername: 'localhost', ...certificate });
  if (inTls !== undefined) socket.write(inTls);
  const request = httpsRequest({ ...options, createConnection: () => socket });
  request.end(body);
  try {
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return { status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() };
  } finally {
    tcp.destroy();
  }
}
