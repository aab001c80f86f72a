import type { AnonymousFlood } from '@aduana/core/audit/anonymous-flood';
import { ANONYMOUS } from '@aduana/core/audit/audit-event';
import type { AuditSink } from '@aduana/core/audit/audit-sink';
import { SecurityError } from '@aduana/core/errors/security-error';
import { graphqlErrorResponse, toSecurityError } from '@aduana/core/http/error-response';
import type { ServiceRequest, ServiceResponse } from '@aduana/core/http/route';
import type { Engine } from '@aduana/core/iam/compile';
import { uuidv7 } from '@aduana/core/platform/ids';
import { describeError } from '@aduana/core/platform/log';
import type { Platform } from '@aduana/core/platform/platform';
import { type Journal, noteCaller, noteFailure, openJournal, requestRecord } from './pipeline/audit.ts';
import { authenticate } from './pipeline/authenticate.ts';
import {
  type BrowserRules,
  checkBrowserRules,
  corsHeaders,
  isFromBrowser,
  preflightHeaders,
} from '@aduana/core/http/browser-rules';
import type { Exchange } from './pipeline/exchange.ts';
import type { Forward } from './pipeline/forward.ts';
import { readGraphqlRequests } from './pipeline/graphql-request.ts';
import type { CallerLimits } from './pipeline/limits/caller-limits.ts';
import { chooseMediaType, type MediaType } from './pipeline/media-type.ts';
import { rightsOf } from './pipeline/rights.ts';
import { type OperationAnswer, type OperationRooms, runOperation } from './pipeline/run-operation.ts';
import { RequestErrors } from './pipeline/validate.ts';
import type { LoadedSupergraph } from './supergraph/loaded-supergraph.ts';

export interface HandlerRooms extends OperationRooms {
  readonly platform: Platform;
  readonly browser: BrowserRules;
  readonly limits: { readonly bodyBytes: number; readonly batch: number | 'off' };
  readonly callers: CallerLimits;
  /** What policies call the place where this gateway runs. */
  readonly environment: string;
  readonly exchange: Exchange;
  readonly forward: Forward;
  readonly audit: AuditSink;
  readonly flood: AnonymousFlood;
  readonly engine: () => Engine;
  readonly supergraph: () => LoadedSupergraph;
}

/**
 * `/graphql`: the outer wall. Whatever happens inside, the request leaves one audit event, and its answer leaves when
 * that event is durable.
 */
export function createHandler(rooms: HandlerRooms): (request: ServiceRequest) => Promise<ServiceResponse> {
  const { clock, log } = rooms.platform;
  return async (request) => {
    const journal = openJournal(uuidv7(clock.now()));
    let response: ServiceResponse;
    try {
      response = await walk(request, journal, rooms);
    } catch (error) {
      response = refuse(request, journal, error, rooms);
    }
    let auditId = journal.id;
    try {
      const flood = journal.actor === ANONYMOUS ? await rooms.flood.count(request.remoteAddress) : undefined;
      if (flood === undefined)
        await rooms.audit.record(requestRecord(journal, request.trace, request.remoteAddress));
      else {
        auditId = flood.eventId;
        // a failure of ours is told as one: nobody can be called anonymous while the STS is away
        if (response.status < 500)
          response = graphqlErrorResponse(
            new SecurityError('RATE_LIMITED', { ...flood, detail: 'anonymous flood' }),
          );
      }
    } catch (error) {
      log.error('a request could not be recorded', { error: describeError(error), audit_id: journal.id });
      response = graphqlErrorResponse(toSecurityError(error));
    }
    const headers = { ...response.headers, ...corsHeaders(request, rooms.browser), 'audit-id': auditId };
    return { ...response, headers };
  };
}

async function walk(
  request: ServiceRequest,
  journal: Journal,
  rooms: HandlerRooms,
): Promise<ServiceResponse> {
  checkBrowserRules(request, rooms.browser);
  if (request.method === 'OPTIONS') {
    journal.outcome = 'ALLOWED';
    return { status: 204, headers: preflightHeaders(request, rooms.browser) };
  }
  if (request.method !== 'POST' && request.method !== 'GET') throw new SecurityError('METHOD_NOT_ALLOWED');
  const body = request.method === 'POST' ? await request.body(rooms.limits.bodyBytes) : undefined;
  const delegated = await rooms.exchange(authenticate(request), request);
  const { caller } = delegated;
  noteCaller(journal, caller);
  const leave = await rooms.callers.enter(caller, request);
  try {
    const mediaType = chooseMediaType(request.headers.accept);
    const { requests, batched } = readGraphqlRequests(request, body, rooms.limits.batch);
    if (batched) await rooms.callers.countBatch(caller, requests.length);
    const engine = rooms.engine();
    journal.policySha256 = engine.sha256;
    const supergraph = rooms.supergraph();
    const fetcher = rooms.forward(supergraph.subgraphs, request.headers);
    const context = {
      supergraph,
      rights: rightsOf(caller, engine, {
        time: rooms.platform.clock.now(),
        environment: rooms.environment,
        rates: await rooms.callers.countRates(caller, engine.rateConditions),
      }),
      fetcher,
      journal,
      signal: request.signal,
    };
    const answers: OperationAnswer[] = [];
    for (const one of requests)
      answers.push(
        await runOrExplain(() => runOperation(delegated, one, rooms, context), journal, mediaType),
      );
    const [only] = answers;
    const response =
      batched || only === undefined
        ? respond(200, `[${answers.map(({ text }) => text).join(',')}]`, mediaType)
        : respond(only.status, only.text, mediaType);
    return { ...response, headers: { ...fetcher.answerHeaders(), ...response.headers } };
  } finally {
    leave();
  }
}

/** What is wrong with the client's document is told to the client, who has been authenticated. */
async function runOrExplain(
  run: () => Promise<OperationAnswer>,
  journal: Journal,
  mediaType: MediaType,
): Promise<OperationAnswer> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof RequestErrors)) throw error;
    journal.outcome = 'FAILED';
    journal.code = error.code;
    const errors = error.errors.map(({ message, locations }) => ({
      message,
      ...(locations === undefined ? {} : { locations }),
      extensions: { code: error.code },
    }));
    return { status: mediaType.requestErrorStatus, text: JSON.stringify({ errors }) };
  }
}

function refuse(
  request: ServiceRequest,
  journal: Journal,
  error: unknown,
  { platform: { log } }: HandlerRooms,
): ServiceResponse {
  const known = toSecurityError(error);
  noteFailure(journal, known);
  if (request.signal.aborted) {
    journal.reason = 'the client left before its answer';
    log.debug('a client left', { audit_id: journal.id });
  } else if (known.status >= 500 && known.code !== 'OVERLOADED')
    log.error('a request failed', { error: describeError(error), audit_id: journal.id });
  const response = graphqlErrorResponse(known);
  if (known.code === 'METHOD_NOT_ALLOWED')
    return { ...response, headers: { ...response.headers, allow: 'GET, POST, OPTIONS' } };
  if (known.code !== 'UNAUTHENTICATED') return response;
  return { ...response, headers: { ...response.headers, 'www-authenticate': challenges(request) } };
}

/** What a caller may show; of a token that was shown, that it does not hold (RFC 6750 section 3, RFC 9449 section 7.1). */
function challenges(request: ServiceRequest): readonly string[] {
  const { authorization = '' } = request.headers;
  const bearer = /^bearer /i.test(authorization) ? 'Bearer error="invalid_token"' : 'Bearer';
  const tokens = /^dpop /i.test(authorization) ? ['DPoP error="invalid_token"', bearer] : [bearer];
  return isFromBrowser(request) ? tokens : [...tokens, 'Basic realm="aduana", charset="UTF-8"'];
}

function respond(status: number, body: string, mediaType: MediaType): ServiceResponse {
  return { status, headers: { 'content-type': mediaType.contentType, 'cache-control': 'no-store' }, body };
}
