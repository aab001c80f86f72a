import { CallError, type CallFailure } from '@aduana/core/client/call-error';
import type { SecureClient } from '@aduana/core/client/secure-client';
import type { StsClient } from '@aduana/core/client/sts-client';
import { SecurityError } from '@aduana/core/errors/security-error';
import { uuid } from '@aduana/core/platform/ids';
import type { Platform } from '@aduana/core/platform/platform';
import { formatTraceparent } from '@aduana/core/wire/trace-context';
import type { LoadedSubgraph } from '../supergraph/loaded-supergraph.ts';
import { clientPart, createAnswerHeaders, headersToSubgraph } from './forward-headers.ts';
import type { Outcome } from './limits/circuit-breaker.ts';
import type { SubgraphAnswer, SubgraphFetcher, SubgraphRequest } from './subgraph-fetcher.ts';
import type { SubgraphLine } from './subgraph-line.ts';
import { createSubgraphLines } from './subgraph-lines.ts';

export interface ForwardOptions {
  readonly client: SecureClient;
  readonly sts: StsClient;
  readonly trustDomain: string;
  readonly maxResponseBytes: number;
  readonly platform: Platform;
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

/** What is sent to a subgraph beside the request itself. */
interface Shipment {
  readonly target: LoadedSubgraph;
  readonly line: SubgraphLine;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Forwards over mTLS with a token narrowed for that subgraph, to the one origin that the supergraph's configuration
 * names.
 */
export function createForward(options: ForwardOptions): Forward {
  const lines = createSubgraphLines(options);
  return (subgraphs, clientHeaders) => {
    lines.follow(subgraphs);
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
      fetch(request) {
        const target = targetOf(request.subgraph);
        const headers = headersToSubgraph(target.headers, clientHeaders, request.caller.claims);
        const shipment = { target, line: lines.to(target), headers };
        return guard(shipment.line, request, async () => {
          let answer = await send(shipment, request, options);
          if (answer.status === 401) {
            // Refused before anything ran: the certificate or a key may just have changed, so ask once with a fresh token.
            options.sts.forgetNarrowed(request.caller, request.narrowing);
            answer = await send(shipment, request, options);
          }
          answerHeaders.take(target.headers, answer.headers);
          return { status: answer.status, answer: parseAnswer(answer.body) };
        });
      },
    };
  };
}

const UNAVAILABLE: ReadonlySet<CallFailure> = new Set(['connection', 'deadline']);

/**
 * Asks a subgraph unless it is left alone, and tells its circuit breaker what came of it: that there was no answer, or
 * an error of the server without GraphQL in it, is a failure; what the STS or the client did is none of the subgraph's.
 */
async function guard(
  { breaker }: SubgraphLine,
  { operationKind }: SubgraphRequest,
  ask: () => Promise<{ status: number; answer: SubgraphAnswer | undefined }>,
): Promise<SubgraphAnswer> {
  const attempt = breaker?.begin(operationKind);
  if (breaker !== undefined && attempt === undefined)
    throw new SecurityError('SUBGRAPH_UNAVAILABLE', {
      detail: 'it answered nothing and is left alone',
      retryAfterSeconds: 1,
    });
  let outcome: Outcome = 'withdrawn';
  try {
    const { status, answer } = await ask();
    outcome = status >= 500 && !isGraphql(answer) ? 'failed' : 'succeeded';
    if (answer === undefined)
      throw new SecurityError('SUBGRAPH_ERROR', {
        detail: `status ${String(status)} and a body that is no JSON object`,
      });
    return answer;
  } catch (error) {
    if (error instanceof CallError && error.failure === 'oversize') outcome = 'succeeded';
    else if (error instanceof CallError && UNAVAILABLE.has(error.failure)) outcome = 'failed';
    throw error;
  } finally {
    if (attempt !== undefined) breaker?.end(attempt, outcome);
  }
}

async function send(
  { target, line, headers }: Shipment,
  { caller, narrowing, trace, body, signal, operationKind }: SubgraphRequest,
  { sts, maxResponseBytes, platform: { clock } }: ForwardOptions,
) {
  const { timeoutMs } = target;
  const token = await sts.narrow({ token: caller.subjectToken, claims: caller.claims }, narrowing);
  let timeoutMilliseconds = timeoutMs;
  if (!line.places.tryTake()) {
    const since = clock.monotonic();
    await line.places.take(timeoutMs, signal);
    timeoutMilliseconds = Math.max(1, timeoutMs - (clock.monotonic() - since));
  }
  try {
    return await line.peer.request({
      method: 'POST',
      path: line.path,
      headers: {
        ...headers,
        'content-type': 'application/json',
        accept: 'application/json',
        authorization: `Bearer ${token.reveal()}`,
        traceparent: formatTraceparent(trace),
      },
      body,
      timeoutMilliseconds,
      maxResponseBytes,
      signal,
      repeatable: operationKind === 'query',
    });
  } finally {
    line.places.leave();
  }
}

/** The JSON object of an answer, if it is one. */
function parseAnswer(body: Buffer): SubgraphAnswer | undefined {
  try {
    const answer: unknown = JSON.parse(body.toString('utf8'));
    return typeof answer === 'object' && answer !== null && !Array.isArray(answer) ? answer : undefined;
  } catch {
    return undefined;
  }
}

function isGraphql(answer: SubgraphAnswer | undefined): boolean {
  return answer !== undefined && (Object.hasOwn(answer, 'data') || Object.hasOwn(answer, 'errors'));
}
