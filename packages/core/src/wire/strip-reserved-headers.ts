import type { IncomingHttpHeaders } from 'node:http';

const RESERVED =
  /^(client-cert.*|forwarded|x-forwarded-.*|x-real-ip|x-client-.*|x-ssl-.*|x-aduana-.*|audit-id)$/;

/**
 * A copy without the headers by which a hop describes its client, which nobody here may claim
 * (RFC 9440 section 4, RFC 7239). Its members are own properties of an object without a prototype.
 */
export function stripReservedHeaders(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const kept = Object.create(null) as IncomingHttpHeaders;
  for (const name in headers) if (!RESERVED.test(name)) kept[name] = headers[name];
  return kept;
}
