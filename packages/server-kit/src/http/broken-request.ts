import type { Duplex } from 'node:stream';
import { STATUS_CODES } from 'node:http';
import type { Code } from '@aduana/core/errors/error-codes';
import { SecurityError } from '@aduana/core/errors/security-error';
import { errorResponse } from '@aduana/core/http/error-response';

const CODES: Readonly<Record<string, Code>> = {
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
};

/** Answers what is no HTTP request, or none in time, with the code of what is wrong, and ends the connection. */
export function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const { code = '' } = error;
  const known = Object.hasOwn(CODES, code) ? CODES[code] : undefined;
  const { status, headers, body = '' } = errorResponse(new SecurityError(known ?? 'BAD_REQUEST'));
  const lines = Object.entries({
    ...headers,
    'x-content-type-options': 'nosniff',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  }).map(([name, value]) => `${name}: ${String(value)}\r\n`);
  socket.end(
    `HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${String(body)}`,
  );
}
