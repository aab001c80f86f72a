import type { ServiceRequest } from '@aduana/core/http/route';

/** The request that opened a connection, with the `Authorization` that was sent over it. */
export function withAuthorization(request: ServiceRequest, authorization: string): ServiceRequest {
  const { dpop: _, ...headers } = request.headers;
  return {
    method: request.method,
    path: request.path,
    query: request.query,
    headers: { ...headers, authorization },
    headerCount: (name) => (name === 'authorization' ? 1 : request.headerCount(name)),
    peer: request.peer,
    remoteAddress: request.remoteAddress,
    encrypted: request.encrypted,
    trace: request.trace,
    signal: request.signal,
    abandoned: request.abandoned,
    declaredBytes: 0,
    body: () => Promise.reject(new TypeError('There is no body')),
  };
}
