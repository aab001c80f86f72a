import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import type { Clock } from '@aduana/core/platform/clock';
import { within } from '@aduana/core/platform/within';

export interface StreamSettings {
  /** `host:port`. */
  readonly address: string;
  readonly tls: {
    readonly ca: string;
    readonly certificate?: string | undefined;
    readonly key?: string | undefined;
  };
}

const CONNECT_TIMEOUT_MS = 10_000;
const WRITE_TIMEOUT_MS = 30_000;

/** A TLS connection to a receiver whose certificate is verified, with ours where there is one; files are read anew each time. */
export async function openStream({ address, tls }: StreamSettings, clock: Clock): Promise<TLSSocket> {
  const at = address.lastIndexOf(':');
  const host = address.slice(0, at).replace(/^\[|\]$/g, '');
  const [ca, cert, key] = await Promise.all([tls.ca, tls.certificate, tls.key].map(readOptional));
  const socket = connect({
    host,
    port: Number(address.slice(at + 1)),
    ca,
    cert,
    key,
    minVersion: 'TLSv1.2',
    servername: /^[\d.]+$|:/.test(host) ? '' : host,
  });
  socket.setNoDelay(true);
  socket.on('error', () => undefined); // whoever waits for the socket learns it from `close`
  try {
    await within(clock, CONNECT_TIMEOUT_MS, late, (signal) => once(socket, 'secureConnect', { signal }));
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** Resolves once the receiver's window takes more. @throws Error when the connection ends first */
export async function write(socket: TLSSocket, bytes: Uint8Array, clock: Clock): Promise<void> {
  if (socket.destroyed) throw new Error('the connection is closed');
  if (socket.write(bytes)) return;
  const ended = new AbortController();
  const end = (): void => {
    ended.abort(new Error('the connection is closed'));
  };
  socket.once('close', end);
  try {
    await within(clock, WRITE_TIMEOUT_MS, late, (signal) =>
      once(socket, 'drain', { signal: AbortSignal.any([ended.signal, signal]) }),
    );
  } finally {
    socket.off('close', end);
  }
}

function late(): Error {
  return new Error('the receiver does not answer');
}

async function readOptional(file: string | undefined): Promise<Buffer | undefined> {
  return file === undefined ? undefined : readFile(file);
}
