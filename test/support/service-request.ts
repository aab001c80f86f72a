import type { IncomingHttpHeaders } from 'node:http';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { ServiceRequest } from '@aduana/core/http/route';

export interface RequestParts {
  readonly method?: string;
  readonly path?: string;
  readonly search?: string;
  readonly headers?: IncomingHttpHeaders;
  /** Names of headers that came twice. */
  readonly repeated?: readonly string[];
  readonly peer?: ServiceRequest['peer'];
  readonly encrypted?: boolean;
  readonly remoteAddress?: string;
  readonly body?: string;
}

/** A request as a route sees it, made by hand. */
export function createServiceRequest(parts: RequestParts = {}): ServiceRequest {
  const headers = { host: 'localhost:4000', ...parts.headers };
  return {
    method: parts.method ?? 'POST',
    path: parts.path ?? '/graphql',
    query: new URLSearchParams(parts.search ?? ''),
    headers,
    headerCount: (name) => (parts.repeated?.includes(name) === true ? 2 : name in headers ? 1 : 0),
    peer: parts.peer,
    remoteAddress: parts.remoteAddress ?? '127.0.0.1',
    encrypted: parts.encrypted ?? false,
    trace: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: false },
    signal: new AbortController().signal,
    abandoned: new AbortController().signal,
    declaredBytes: Number(parts.headers?.['content-length'] ?? 0),
    body(limitBytes) {
      const bytes = Buffer.from(parts.body ?? '');
      return bytes.length > limitBytes
        ? Promise.reject(new SecurityError('PAYLOAD_TOO_LARGE'))
        : Promise.resolve(bytes);
    },
  };
}
