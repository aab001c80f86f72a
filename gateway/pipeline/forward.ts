import type { SecureClient, SecurePeer } from '@aduana/core/client/secure-client';
import type { StsClient } from '@aduana/core/client/sts-client';
import { SecurityError } from '@aduana/core/errors/security-error';
import { formatTraceparent } from '@aduana/core/wire/trace-context';
import type { LoadedSubgraph } from '../supergraph/loaded-supergraph.ts';
import type { SubgraphAnswer, SubgraphFetcher, SubgraphRequest } from './subgraph-fetcher.ts';

export interface ForwardOptions {
  readonly client: SecureClient;
  readonly sts: StsClient;
  readonly trustDomain: string;
  readonly maxResponseBytes: number;
}

interface Route {
  readonly peer: SecurePeer;
  readonly path: string;
}

/** Builds the fetcher of one request. */
export type Forward = (
  subgraphs: ReadonlyMap<string, LoadedSubgraph>,
  clientHeaders: Readonly<Record<string, string | readonly string[] | undefined>>,
) => SubgraphFetcher;

/**
 * Forwards over mTLS with a token narrowed for that subgraph, to the one origin that the supergraph's configuration
 * names; a peer is made once per subgraph and keeps its pool.
 */
export function createForward(options: ForwardOptions): Forward {
  const routes = new WeakMap<LoadedSubgraph, Route>();
  const routeTo = (target: LoadedSubgraph): Route => {
    const known = routes.get(target);
    if (known !== undefined) return known;
    const { origin, pathname, search } = new URL(target.url);
    const peer = options.client.peer({
      origin,
      spiffeId: `spiffe://${options.trustDomain}/${target.audience}`,
      failureCode: 'SUBGRAPH_UNAVAILABLE',
      clientCertificate: target.clientCertificate,
    });
    const route = { peer, path: pathname + search };
    routes.set(target, route);
    return route;
  };
  return (subgraphs, clientHeaders) => ({
    forwarded(subgraph) {
      const allowed = subgraphs.get(subgraph)?.headers ?? [];
      return allowed.length === 0 ? '' : JSON.stringify(passedOn(allowed, clientHeaders));
    },
    async fetch(request) {
      const target = subgraphs.get(request.subgraph);
      if (target === undefined) throw new TypeError(`the plan names an unknown subgraph ${request.subgraph}`);
      const headers = passedOn(target.headers, clientHeaders);
      const answer = await send(routeTo(target), target, headers, request, options.sts);
      if (answer.status !== 401) return parseAnswer(answer);
      // Refused before anything ran: the certificate or a key may just have changed, so ask once with a fresh token.
      options.sts.forgetNarrowed(request.caller, request.narrowing);
      return parseAnswer(await send(routeTo(target), target, headers, request, options.sts));
    },
  });

  async function send(
    { peer, path }: Route,
    target: LoadedSubgraph,
    headers: Readonly<Record<string, string>>,
    request: SubgraphRequest,
    sts: StsClient,
  ) {
    const { caller, narrowing, trace, body, signal } = request;
    const token = await sts.narrow({ token: caller.subjectToken, claims: caller.claims }, narrowing);
    return peer.request({
      method: 'POST',
      path,
      headers: {
        ...headers,
        'content-type': 'application/json',
        accept: 'application/json',
        authorization: `Bearer ${token.reveal()}`,
        traceparent: formatTraceparent(trace),
      },
      body,
      timeoutMilliseconds: target.timeoutMs,
      maxResponseBytes: options.maxResponseBytes,
      signal,
    });
  }
}

/** The client's headers that the subgraph's allow list names. */
function passedOn(
  allowed: readonly string[],
  clientHeaders: Readonly<Record<string, string | readonly string[] | undefined>>,
): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const name of allowed) {
    const value = clientHeaders[name];
    if (typeof value === 'string') headers[name] = value;
  }
  return headers;
}

function parseAnswer({ status, body }: { status: number; body: Buffer }): SubgraphAnswer {
  let answer: unknown;
  try {
    answer = JSON.parse(body.toString('utf8'));
  } catch {
    throw new SecurityError('SUBGRAPH_ERROR', {
      detail: `status ${String(status)} and a body that is not JSON`,
    });
  }
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer))
    throw new SecurityError('SUBGRAPH_ERROR', {
      detail: `status ${String(status)} and a body that is no object`,
    });
  return answer;
}
