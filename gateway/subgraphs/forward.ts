import { CallError } from '@aduana/core/mtls-client/call-error';
import type { SecureClient } from '@aduana/core/mtls-client/secure-client';
import type { StsClient } from '@aduana/client/sts/sts-client';
import { SecurityError } from '@aduana/core/errors/security-error';
import { CHUNK_BYTES } from '@aduana/core/http/body-budget';
import type { Clock } from '@aduana/core/platform/clock';
import { uuid } from '@aduana/core/platform/ids';
import type { Platform } from '@aduana/core/platform/platform';
import { formatTraceparent } from '@aduana/core/wire/trace-context';
import type { LoadedSubgraph } from '../supergraph/loaded-supergraph.ts';
import { clientPart, createAnswerHeaders, headersToSubgraph } from './forward-headers.ts';
import { callerKey } from '../limits/caller-key.ts';
import { type CompletionBudget, completionTurn } from '../limits/completion-turn.ts';
import type { Outcome } from '../limits/circuit-breaker.ts';
import type { HeldBytes } from '../limits/held-bytes.ts';
import { FEW_CHARACTERS, UNLIMITED } from '../limits/miss-budget.ts';
import { createSharedRoom, type SharedRoom } from '../limits/shared-room.ts';
import { readAnswer } from './read-answer.ts';
import { openUpstream } from './open-upstream.ts';
import type { OpenUpstream } from './upstream.ts';
import type { SubgraphAnswer, SubgraphFetcher, SubgraphRequest } from './subgraph-fetcher.ts';
import { traceFetch } from './trace-fetch.ts';
import type { FetchDurations, SubgraphConnection } from './subgraph-connection.ts';
import { createSubgraphConnections, type SubgraphConnections } from './subgraph-connections.ts';

export interface ForwardOptions {
  /** Default: its own. */
  readonly connections?: SubgraphConnections;
  /** Of connections of its own; default: without a bound. */
  readonly room?: SharedRoom;
  /** Whether a service with this id is in the registry. */
  readonly isRegistered?: (audience: string) => boolean;
  readonly client: SecureClient;
  readonly sts: StsClient;
  readonly trustDomain: string;
  readonly maxResponseBytes: number;
  /** Whose turn it is to read a large answer; default: nobody waits. */
  readonly budget?: CompletionBudget;
  readonly platform: Platform;
}

/** The fetcher of one client request, which gathers what subgraphs say to the client. */
export interface RequestFetcher extends SubgraphFetcher {
  /** Headers for the client, by the subgraphs' rules. */
  answerHeaders(): Readonly<Record<string, string>>;
  /** Opens a subgraph's stream; what its answers' headers say is not passed on. */
  readonly openUpstream: OpenUpstream;
}

/** Builds the fetcher of one request. */
export type Forward = (
  subgraphs: ReadonlyMap<string, LoadedSubgraph>,
  clientHeaders: Readonly<Record<string, string | readonly string[] | undefined>>,
) => RequestFetcher;

/** What is sent to a subgraph beside the request itself. */
interface Shipment {
  readonly target: LoadedSubgraph;
  readonly line: SubgraphConnection;
  readonly headers: Readonly<Record<string, string>>;
  /** Whether it had less than its time because it waited for a place. */
  isShortened: boolean;
}

/**
 * Forwards over mTLS with a token narrowed for that subgraph, to the one origin that the supergraph's configuration
 * names.
 */
export function createForward(options: ForwardOptions): Forward {
  const { isRegistered = () => true, room = createSharedRoom('off') } = options;
  const lines = options.connections ?? createSubgraphConnections({ ...options, room });
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
      async openUpstream(request) {
        const target = targetOf(request.subgraph);
        if (!isRegistered(target.audience)) throw unregistered(target);
        const headers = headersToSubgraph(target.headers, clientHeaders, request.caller.claims);
        const { timeoutMs, subscriptions } = target;
        const shipment = { line: lines.to(target), subscriptions, headers, timeoutMs };
        return openUpstream(shipment, request, options.sts, options.platform.clock);
      },
      fetch(request) {
        const target = targetOf(request.subgraph);
        if (!isRegistered(target.audience)) return Promise.reject(unregistered(target));
        const headers = headersToSubgraph(target.headers, clientHeaders, request.caller.claims);
        const shipment: Shipment = { target, line: lines.to(target), headers, isShortened: false };
        const { clock, tracer } = options.platform;
        return traceFetch(tracer, shipment.line, request, (traced, span) =>
          guard(shipment, traced, clock, async () => {
            const { status, headers: answered, answer } = await fetchAnswer(shipment, traced, options);
            span?.set('http.response.status_code', status);
            answerHeaders.take(target.headers, answered);
            return { status, answer };
          }),
        );
      },
    };
  };
}

/** Sends, and keeps room for the answer for as long as it is needed. */
async function fetchAnswer(shipment: Shipment, request: SubgraphRequest, options: ForwardOptions) {
  const { budget = UNLIMITED } = options;
  const { caller } = request;
  const held = shipment.line.answers.hold();
  try {
    let response = await send(shipment, request, options, held);
    if (response.status === 401) {
      // Refused before anything ran: the certificate or a key may just have changed, so ask once with a fresh token.
      held.release();
      options.sts.forgetNarrowed(request.caller, request.narrowing);
      response = await send(shipment, request, options, held);
    }
    const { status, headers, body } = response;
    const isMuch = body.length > FEW_CHARACTERS;
    if (isMuch) await completionTurn(budget, caller, request.signal);
    const read = () => readAnswer(body, held);
    const answer = isMuch ? budget.complete(caller, read) : read();
    if (request.keep === undefined) held.release();
    else
      request.keep(() => {
        held.release();
      });
    return { status, headers, answer };
  } catch (error) {
    held.release();
    if (error instanceof CallError && error.failure === 'no_room') shipment.line.answers.onRefuse();
    throw error;
  }
}

function unregistered({ audience }: LoadedSubgraph): SecurityError {
  return new SecurityError('SUBGRAPH_UNREGISTERED', {
    detail: `${audience} is not in service_identities.yaml`,
  });
}

/**
 * Sends a request to a subgraph unless its circuit is open, and reports the outcome to its circuit breaker: that there was no answer, or
 * an error of the server without GraphQL in it, is a failure; what the STS, the client or our own queue did is none of the
 * subgraph's.
 */
async function guard(
  shipment: Shipment,
  { operationKind, caller }: SubgraphRequest,
  clock: Clock,
  ask: () => Promise<{ status: number; answer: SubgraphAnswer | undefined }>,
): Promise<SubgraphAnswer> {
  const { breaker, traffic, durations } = shipment.line;
  const attempt = breaker?.begin(operationKind, callerKey(caller));
  if (breaker !== undefined && attempt === undefined)
    throw new SecurityError('SUBGRAPH_UNAVAILABLE', {
      detail: 'it answered nothing and is left alone',
      retryAfterSeconds: 1,
    });
  let outcome: Outcome = 'withdrawn';
  let kind: keyof FetchDurations = 'withdrawn';
  const startedAt = traffic.begin();
  try {
    const { status, answer } = await ask();
    outcome = status >= 500 && !isGraphql(answer) ? 'failed' : 'succeeded';
    kind = isGraphql(answer) ? 'success' : 'error';
    if (answer === undefined)
      throw new SecurityError('SUBGRAPH_ERROR', {
        detail: `status ${String(status)} and a body that is no JSON object`,
      });
    return answer;
  } catch (error) {
    if (error instanceof CallError && error.failure === 'oversize') {
      outcome = 'succeeded';
      kind = 'error';
    } else if (error instanceof CallError && error.failure === 'connection') {
      outcome = 'failed';
      kind = 'unavailable';
    } else if (error instanceof CallError && error.failure === 'deadline') {
      outcome = shipment.isShortened ? 'withdrawn' : 'late';
      kind = 'unavailable';
    }
    throw error;
  } finally {
    durations[kind].observe((clock.monotonic() - startedAt) / 1000);
    if (attempt !== undefined) breaker?.end(attempt, outcome);
    if (kind !== 'withdrawn') traffic.note(outcome === 'succeeded' ? 'answered' : 'failed', startedAt);
  }
}

async function send(
  shipment: Shipment,
  { caller, narrowing, trace, body, signal, operationKind }: SubgraphRequest,
  { sts, maxResponseBytes, platform: { clock } }: ForwardOptions,
  held: HeldBytes,
) {
  const { line, headers } = shipment;
  const { timeoutMs } = shipment.target;
  const token = await sts.narrow({ token: caller.subjectToken, claims: caller.claims }, narrowing, trace);
  let timeoutMilliseconds = timeoutMs;
  const owner = callerKey(caller);
  if (!line.places.tryTake(owner)) {
    shipment.isShortened = true;
    const since = clock.monotonic();
    await line.places.take(owner, timeoutMs, signal);
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
      takeRoom: (bytes) => held.take(bytes + CHUNK_BYTES),
      signal,
      repeatable: operationKind === 'query',
    });
  } finally {
    line.places.leave(owner);
  }
}

function isGraphql(answer: SubgraphAnswer | undefined): boolean {
  return answer !== undefined && (Object.hasOwn(answer, 'data') || Object.hasOwn(answer, 'errors'));
}
