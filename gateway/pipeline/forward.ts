import type { SecureClient, SecurePeer } from '@aduana/core/client/secure-client';
import type { StsClient } from '@aduana/core/client/sts-client';
import { SecurityError } from '@aduana/core/errors/security-error';
import { uuid } from '@aduana/core/platform/ids';
import { formatTraceparent } from '@aduana/core/wire/trace-context';
import type { LoadedSubgraph } from '../supergraph/loaded-supergraph.ts';
import { clientPart, createAnswerHeaders, headersToSubgraph } from './forward-headers.ts';
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

/** The fetcher of one client request, which gathers what subgraphs say to the client. */
export interface RequestFetcher extends SubgraphFetcher {
  /** Headers for the client, by the subgraphs' rules. */
  answerHeaders(): Readonly<Record<string, string>>;
}

/** Builds the fetcher of one request. */
export type Forward = (
  subgraphs: ReadonlyMap<string, LoadedSubgraph>,
  clientHeaders: Readonly<Record<string, string | readonly string[] | undefined>>,
) => RequestFetcher;

/**
 * Forwards over mTLS with a token narrowed for that subgraph, to the one origin that the supergraph's configuration
 * names.
 */
export function createForward(options: ForwardOptions): Forward {
  const routeTo = createRoutes(options);
  return (subgraphs, clientHeaders) => {
    const answerHeaders = createAnswerHeaders();
    const targetOf = (name: string): LoadedSubgraph => {
      const target = subgraphs.get(name);
      if (target === undefined) throw new TypeError(`the plan names an unknown subgraph ${name}`);
      return target;
    };
    return {
      answerHeaders: () => answerHeaders.all(),
      forwarded(subgraph) {
        const rules = targetOf(subgraph).headers;
        // An answer whose headers reach a client is that client's own.
        return rules.response.size > 0 ? uuid() : clientPart(rules, clientHeaders);
      },
      async fetch(request) {
        const target = targetOf(request.subgraph);
        const headers = headersToSubgraph(target.headers, clientHeaders, request.caller.claims);
        const ask = () => send(routeTo(target), target, headers, request, options);
        let answer = await ask();
        if (answer.status === 401) {
          // Refused before anything ran: the certificate or a key may just have changed, so ask once with a fresh token.
          options.sts.forgetNarrowed(request.caller, request.narrowing);
          answer = await ask();
        }
        answerHeaders.take(target.headers, answer.headers);
        return parseAnswer(answer);
      },
    };
  };
}

/** A peer is made once per subgraph and keeps its pool. */
function createRoutes(options: ForwardOptions): (target: LoadedSubgraph) => Route {
  const routes = new WeakMap<LoadedSubgraph, Route>();
  return (target) => {
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
}

async function send(
  { peer, path }: Route,
  target: LoadedSubgraph,
  headers: Readonly<Record<string, string>>,
  { caller, narrowing, trace, body, signal, operationKind }: SubgraphRequest,
  { sts, maxResponseBytes }: ForwardOptions,
) {
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
    maxResponseBytes,
    signal,
    repeatable: operationKind === 'query',
  });
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
