import type { AnonymousFlood } from '@aduana/server-kit/audit/anonymous-flood';
import { ANONYMOUS, type AuditOutcome } from '@aduana/client/audit/audit-event';
import type { AuditSink } from '@aduana/client/audit/audit-sink';
import { SecurityError } from '@aduana/core/errors/security-error';
import { graphqlErrorResponse, toSecurityError } from '@aduana/core/http/error-response';
import type { ServiceRequest, ServiceResponse } from '@aduana/core/http/route';
import type { Engine } from '@aduana/server-kit/iam/compile';
import { uuidv7 } from '@aduana/core/platform/ids';
import { describeError } from '@aduana/core/platform/log';
import type { Platform } from '@aduana/core/platform/platform';
import { traceFields } from '@aduana/core/wire/trace-context';
import {
  type RequestAudit,
  noteCaller,
  noteFailure,
  openRequestAudit,
  requestRecord,
} from './audit/request-audit.ts';
import type { Authenticate } from './authenticate/authenticate.ts';
import type { MeasureOperation } from './telemetry/operation-telemetry.ts';
import {
  type BrowserRules,
  checkBrowserRules,
  corsHeaders,
  isFromBrowser,
  preflightHeaders,
} from '@aduana/core/http/browser-rules';
import type { Exchange } from './exchange/exchange.ts';
import type { Forward } from './subgraphs/forward.ts';
import { type GraphqlRequest, readGraphqlRequests } from './http/graphql-request.ts';
import { callerKey } from './limits/caller-key.ts';
import type { CallerLimits } from './limits/caller-limits.ts';
import { chooseMediaType, type MediaType } from './http/media-type.ts';
import { rightsOf } from './authorize/rights.ts';
import {
  type OperationAnswer,
  type OperationContext,
  type OperationDependencies,
  runOperation,
} from './run-operation.ts';
import { RequestErrors } from './documents/request-errors.ts';
import { writeAnswer, writeWhole } from './streams/write-answer.ts';
import type { OpenedStream, OpenStreams, StreamOpening, WantedStream } from './streams/open-streams.ts';
import type { StreamAdmission } from './streams/stream-caller.ts';
import type { Caller, Delegated } from './stages.ts';
import type { LoadedSupergraph } from './supergraph/loaded-supergraph.ts';
import type { Traffic, TrafficOutcome } from './traffic/traffic.ts';

export interface HandlerDependencies extends OperationDependencies {
  readonly platform: Platform;
  readonly browser: BrowserRules;
  readonly limits: { readonly bodyBytes: number; readonly batch: number | 'off' };
  readonly callers: CallerLimits;
  /** What policies call the place where this gateway runs. */
  readonly environment: string;
  readonly authenticate: Authenticate;
  readonly exchange: Exchange;
  readonly measureOperation: MeasureOperation;
  readonly forward: Forward;
  readonly audit: AuditSink;
  readonly flood: AnonymousFlood;
  readonly traffic: Traffic;
  readonly engine: () => Engine;
  readonly supergraph: () => LoadedSupergraph;
  readonly streams: OpenStreams;
}

/** How each outcome counts in the traffic of the last minutes. */
export const TRAFFIC: Readonly<Record<AuditOutcome, TrafficOutcome>> = {
  ALLOWED: 'answered',
  PARTIAL: 'refused',
  DENIED: 'refused',
  FAILED: 'failed',
};

/**
 * `/graphql`: the outer wall. Whatever happens inside, the request leaves one audit event, and its answer leaves when
 * that event is durable.
 */
export function createHandler(
  dependencies: HandlerDependencies,
): (request: ServiceRequest) => Promise<ServiceResponse> {
  const { clock, log } = dependencies.platform;
  return async (request) => {
    const requestAudit = openRequestAudit(uuidv7(clock.now()));
    const startedAt = dependencies.traffic.begin();
    let response: ServiceResponse;
    try {
      response = await walk(request, requestAudit, dependencies);
    } catch (error) {
      response = refuse(request, requestAudit, error, dependencies);
    }
    let auditId = requestAudit.id;
    try {
      const flood =
        requestAudit.actor === ANONYMOUS ? await dependencies.flood.count(request.remoteAddress) : undefined;
      if (flood === undefined)
        await dependencies.audit.record(
          requestRecord(requestAudit, request.trace, request.remoteAddress),
          request.trace,
        );
      else {
        auditId = flood.eventId;
        // A preflight that is allowed is answered: others of its address flood. A failure of ours is told as one: nobody can
        // be called anonymous while the STS is away.
        if (response.status < 500 && requestAudit.outcome !== 'ALLOWED')
          response = graphqlErrorResponse(
            new SecurityError('RATE_LIMITED', { ...flood, detail: 'anonymous flood' }),
          );
      }
    } catch (error) {
      log.error('a request could not be recorded', {
        error: describeError(error),
        audit_id: requestAudit.id,
        ...traceFields(request.trace),
      });
      response.stream?.cancel();
      response = graphqlErrorResponse(toSecurityError(error));
    }
    dependencies.traffic.note(TRAFFIC[requestAudit.outcome], startedAt);
    const headers = {
      ...response.headers,
      ...corsHeaders(request, dependencies.browser),
      'audit-id': auditId,
    };
    request.span?.set('aduana.audit_id', auditId);
    return { ...response, headers, code: response.code ?? requestAudit.code };
  };
}

async function walk(
  request: ServiceRequest,
  requestAudit: RequestAudit,
  dependencies: HandlerDependencies,
): Promise<ServiceResponse> {
  checkBrowserRules(request, dependencies.browser);
  if (request.method === 'OPTIONS') {
    requestAudit.outcome = 'ALLOWED';
    return { status: 204, headers: preflightHeaders(request, dependencies.browser) };
  }
  if (request.method !== 'POST' && request.method !== 'GET') throw new SecurityError('METHOD_NOT_ALLOWED');
  const { bodyBytes } = dependencies.limits;
  if (request.declaredBytes > bodyBytes) throw new SecurityError('PAYLOAD_TOO_LARGE');
  const authenticated = dependencies.authenticate(request);
  const delegated = await dependencies.exchange(authenticated, request);
  const renew = () => dependencies.exchange(authenticated, request);
  const { caller } = delegated;
  noteCaller(requestAudit, caller);
  const body = request.method === 'POST' ? await request.body(bodyBytes, callerKey(caller)) : undefined;
  const place = placeOf(await dependencies.callers.enter(caller, request));
  try {
    const mediaType = chooseMediaType(request.headers.accept);
    const { requests, batched } = readGraphqlRequests(request, body, dependencies.limits.batch);
    if (batched) await dependencies.callers.countBatch(caller, requests.length);
    const engine = dependencies.engine();
    requestAudit.policySha256 = engine.sha256;
    const supergraph = dependencies.supergraph();
    const fetcher = dependencies.forward(supergraph.subgraphs, request.headers);
    const forward = (other: LoadedSupergraph) =>
      other === supergraph ? fetcher : dependencies.forward(other.subgraphs, request.headers);
    const { streams } = dependencies;
    const decide = () => countAndDecide(caller, engine, dependencies);
    const { rates, rights } = await decide();
    const admission = { delegated, rates, renew, certificateNotAfter: request.peer?.notAfter };
    const context = {
      supergraph,
      rights,
      fetcher,
      requestAudit,
      signal: request.signal,
      openStream:
        mediaType.streams === undefined || batched
          ? undefined
          : openerOf(admission, { forward, requestAudit }, dependencies),
      incremental: mediaType.incremental === true && !batched,
    };
    const answers = await runInTurn(requests, delegated, { context, decide, mediaType }, dependencies);
    const [only] = answers;
    const response =
      batched || only === undefined
        ? writeWhole(200, `[${answers.map(({ text }) => text).join(',')}]`, mediaType)
        : writeAnswer(only, mediaType, (rest) =>
            streams.finish(rest, streams.admit(admission), place.keep()),
          );
    const headers = { ...fetcher.answerHeaders(), ...response.headers };
    return challenged(request, answers, { ...response, headers });
  } finally {
    place.leave();
  }
}

/** A place among the operations under way, which may be kept by an answer that is finished later. */
function placeOf(leave: () => void) {
  let isKept = false;
  return {
    keep: (): (() => void) => {
      isKept = true;
      return leave;
    },
    leave(): void {
      if (!isKept) leave();
    },
  };
}

/** Counts one operation towards the rates of the policies, and decides what the caller may do in it. */
async function countAndDecide(
  caller: Caller,
  engine: Engine,
  { callers, environment, platform: { clock } }: HandlerDependencies,
) {
  const rates = await callers.countRates(caller, engine.rateConditions);
  return { rates, rights: rightsOf(caller, engine, { time: clock.now(), environment, rates }) };
}

/** Each operation of a batch counts towards the rates of the policies: the context is that of the first one. */
async function runInTurn(
  requests: readonly GraphqlRequest[],
  delegated: Delegated,
  {
    context: first,
    decide,
    mediaType,
  }: {
    readonly context: OperationContext;
    readonly decide: () => Promise<Pick<OperationContext, 'rights'>>;
    readonly mediaType: MediaType;
  },
  dependencies: HandlerDependencies,
): Promise<readonly OperationAnswer[]> {
  const { requestAudit } = first;
  const answers: OperationAnswer[] = [];
  for (const [index, one] of requests.entries()) {
    const context = index === 0 ? first : { ...first, rights: (await decide()).rights };
    const run = () =>
      dependencies.measureOperation(delegated, requestAudit, (measured) =>
        runOperation(measured, one, dependencies, context),
      );
    answers.push(await runOrExplain(run, requestAudit, mediaType));
  }
  return answers;
}

/** Callers who ask the same with the same counts of their rates share a stream of the subgraph. */
function openerOf(
  admission: StreamAdmission,
  over: Pick<StreamOpening, 'forward' | 'requestAudit'>,
  { streams }: HandlerDependencies,
): (wanted: WantedStream) => Promise<OpenedStream> {
  return (wanted) => {
    const caller = streams.admit(admission);
    return streams.open(wanted, { ...over, caller, shareKey: JSON.stringify([...(admission.rates ?? [])]) });
  };
}

/** What is wrong with the client's document is told to the client, who has been authenticated. */
export async function runOrExplain(
  run: () => Promise<OperationAnswer>,
  requestAudit: RequestAudit,
  mediaType: Pick<MediaType, 'requestErrorStatus'>,
): Promise<OperationAnswer> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof RequestErrors)) throw error;
    requestAudit.outcome = 'FAILED';
    requestAudit.code = error.code;
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
  requestAudit: RequestAudit,
  error: unknown,
  { platform: { log } }: HandlerDependencies,
): ServiceResponse {
  const known = toSecurityError(error);
  noteFailure(requestAudit, known);
  const fields = { audit_id: requestAudit.id, ...traceFields(request.trace) };
  if (request.signal.aborted) {
    requestAudit.reason = 'the client left before its answer';
    log.debug('a client left', fields);
  } else if (known.status >= 500 && known.code !== 'OVERLOADED')
    log.error('a request failed', { error: describeError(error), ...fields });
  else log.debug('a request was refused', { code: known.code, ...fields });
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

/** The answer with what a login would have to be for what it refuses (RFC 9470 section 3). */
function challenged(
  { headers: { authorization = '' } }: ServiceRequest,
  answers: readonly OperationAnswer[],
  response: ServiceResponse,
): ServiceResponse {
  const challenges = [...new Set(answers.flatMap(({ challenge }) => challenge ?? []))];
  if (challenges.length === 0) return response;
  const scheme = /^dpop /i.test(authorization) ? 'DPoP' : 'Bearer';
  const header = challenges.map((challenge) => `${scheme} ${challenge}`);
  return { ...response, headers: { ...response.headers, 'www-authenticate': header } };
}
