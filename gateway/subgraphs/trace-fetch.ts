import { SecurityError } from '@aduana/core/errors/security-error';
import { NO_TRACER, type Span, type Tracer } from '@aduana/core/platform/tracer';
import type { SubgraphConnection } from './subgraph-connection.ts';
import type { SubgraphRequest } from './subgraph-fetcher.ts';

/** A fetch with a span of its own, whose trace goes to the subgraph. */
export function traceFetch<Answer>(
  tracer: Tracer = NO_TRACER,
  connection: Pick<SubgraphConnection, 'name' | 'spanName' | 'peer'>,
  request: SubgraphRequest,
  fetch: (request: SubgraphRequest, span: Span | undefined) => Promise<Answer>,
): Promise<Answer> {
  const span = tracer.start(connection.spanName, request.trace, 'client');
  return span === undefined ? fetch(request, undefined) : runIn(span, connection, request, fetch);
}

async function runIn<Answer>(
  span: Span,
  { name, peer }: Pick<SubgraphConnection, 'name' | 'peer'>,
  request: SubgraphRequest,
  fetch: (request: SubgraphRequest, span: Span) => Promise<Answer>,
): Promise<Answer> {
  const { hostname, port, protocol } = new URL(peer.origin);
  span.set('aduana.subgraph.name', name);
  span.set('http.request.method', 'POST');
  span.set('server.address', hostname);
  span.set('server.port', Number(port === '' ? (protocol === 'https:' ? 443 : 80) : port));
  let errorType: string | undefined;
  try {
    return await fetch({ ...request, trace: span.trace }, span);
  } catch (error) {
    errorType = error instanceof SecurityError ? error.code : 'INTERNAL_SERVER_ERROR';
    throw error;
  } finally {
    span.end(errorType);
  }
}
