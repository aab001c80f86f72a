import { STATUS_CODES } from 'node:http';
import type { ServiceResponse } from './route.ts';

/** The text of a response that ends its connection, for one that Node's HTTP server has handed over. */
export function formatResponse({ status, headers = {}, body = '' }: ServiceResponse): string {
  const text = typeof body === 'string' ? body : Buffer.from(body).toString('utf8');
  const lines = Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((value) => `${name}: ${value}`),
  );
  const head = [
    `HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ''}`,
    ...lines,
    'x-content-type-options: nosniff',
    'connection: close',
    `content-length: ${String(Buffer.byteLength(text))}`,
  ];
  return `${head.join('\r\n')}\r\n\r\n${text}`;
}
