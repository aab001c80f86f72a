import type { AuditOutcome } from '@aduana/client/audit/audit-event';
import { SecurityError } from '@aduana/core/errors/security-error';
import { checkBrowserRules, preflightHeaders } from '@aduana/core/http/browser-rules';
import type { ServiceRequest, ServiceResponse } from '@aduana/core/http/route';
import type { Engine } from '@aduana/server-kit/iam/compile';
import { noteBatch, noteCaller, openOperationAudit, type RequestAudit } from './audit/request-audit.ts';
import { rightsOf } from './authorize/rights.ts';
import { RequestErrors } from './documents/request-errors.ts';
import type { HandlerDependencies } from './handler-dependencies.ts';
import { withChallenges } from './http/challenges.ts';
import { type GraphqlRequest, readGraphqlRequests } from './http/graphql-request.ts';
import { chooseMediaType, type MediaType } from './http/media-type.ts';
import { callerKey } from './limits/caller-key.ts';
import { FEW_CHARACTERS } from './limits/miss-budget.ts';
import { type OperationAnswer, type OperationContext, runOperation } from './run-operation.ts';
import type { Caller, Delegated } from './stages.ts';
import type { OpenedStream, StreamOpening, WantedStream } from './streams/open-streams.ts';
import type { StreamAdmission } from './streams/stream-caller.ts';
import { countUnread } from './streams/count-unread.ts';
import { writeAnswer, writeWhole } from './streams/write-answer.ts';
import type { LoadedSupergraph } from './supergraph/loaded-supergraph.ts';
import type { TrafficOutcome } from './traffic/traffic.ts';

/** How each outcome counts in the traffic of the last minutes. */
export const TRAFFIC: Readonly<Record<AuditOutcome, TrafficOutcome>> = {
  ALLOWED: 'answered',
  PARTIAL: 'refused',
  DENIED: 'refused',
  FAILED: 'failed',
};

/**
 * One HTTP request to `/graphql` with its operations: who asks, what of it may be done now, and the answer.
 *
 * @throws SecurityError where the whole request is refused
 */
export async function runRequest(
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
  const leave = await dependencies.callers.enter(caller, request);
  try {
    const mediaType = chooseMediaType(request.headers.accept);
    const reading = readRequests(request, body, caller, dependencies);
    const { requests, batched } = reading instanceof Promise ? await reading : reading;
    if (batched) await dependencies.callers.countBatch(caller, requests.length);
    const engine = dependencies.engine();
    requestAudit.policySha256 = engine.sha256;
    const supergraph = dependencies.supergraph();
    const fetcher = dependencies.forward(supergraph.subgraphs, request.headers);
    const forward = (other: LoadedSupergraph) =>
      other === supergraph ? fetcher : dependencies.forward(other.subgraphs, request.headers);
    const decide = () => countAndDecide(caller, engine, dependencies);
    const { rates, rights } = await decide();
    const admission = { delegated, rates, renew, certificateNotAfter: request.peer?.notAfter };
    const context = {
      supergraph,
      rights,
      fetcher,
      requestAudit,
      signal: request.abandoned,
      openStream:
        mediaType.streams === undefined || batched
          ? undefined
          : openerOf(admission, { forward, requestAudit }, dependencies),
      incremental: mediaType.incremental === true && !batched,
    };
    const run = batched ? runBatch : runInTurn;
    const answers = await run(requests, delegated, { context, decide, mediaType }, dependencies);
    const response = write(answers, batched, mediaType, (rest) =>
      dependencies.streams.finish(rest, dependencies.streams.admit(admission)),
    );
    const headers = { ...fetcher.answerHeaders(), ...response.headers };
    if (answers.some(({ stream }) => stream !== undefined)) leave(); // streams have places of their own
    const unread = dependencies.callers.keepUnread(caller);
    return withChallenges(request, answers, { ...countUnread(response, unread, leave), headers });
  } catch (error) {
    leave();
    throw error;
  }
}

/** A large body is read in its caller's turn, and on its account. */
function readRequests(
  request: ServiceRequest,
  body: Buffer | undefined,
  caller: Caller,
  { budget, limits }: HandlerDependencies,
) {
  const read = () => readGraphqlRequests(request, body, limits);
  if (body === undefined || body.length <= FEW_CHARACTERS) return read();
  const turn = budget.turn(caller) ?? Promise.resolve();
  return turn.then(() => budget.spend(caller, read));
}

function write(
  answers: readonly OperationAnswer[],
  batched: boolean,
  mediaType: MediaType,
  finish: Parameters<typeof writeAnswer>[2],
): ServiceResponse {
  const [only] = answers;
  return batched || only === undefined
    ? writeWhole(200, `[${answers.map(({ text }) => text).join(',')}]`, mediaType)
    : writeAnswer(only, mediaType, finish);
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

interface Operations {
  readonly context: OperationContext;
  readonly decide: () => Promise<Pick<OperationContext, 'rights'>>;
  readonly mediaType: MediaType;
  /** Of one operation; default: that of the request. */
  readonly auditOf?: () => RequestAudit;
}

/** Each operation of a batch counts towards the rates of the policies: the context is that of the first one. */
async function runInTurn(
  requests: readonly GraphqlRequest[],
  delegated: Delegated,
  { context: first, decide, mediaType, auditOf = () => first.requestAudit }: Operations,
  dependencies: HandlerDependencies,
): Promise<readonly OperationAnswer[]> {
  const answers: OperationAnswer[] = [];
  for (const [index, one] of requests.entries()) {
    const requestAudit = auditOf();
    const rights = index === 0 ? first.rights : (await decide()).rights;
    const context = { ...first, rights, requestAudit };
    const run = () =>
      dependencies.measureOperation(delegated, requestAudit, (measured) =>
        runOperation(measured, one, dependencies, context),
      );
    answers.push(await runOrExplain(run, requestAudit, mediaType));
  }
  return answers;
}

/** The event of a batch names every operation that ran, the one that ended it included. */
async function runBatch(
  requests: readonly GraphqlRequest[],
  delegated: Delegated,
  operations: Operations,
  dependencies: HandlerDependencies,
): Promise<readonly OperationAnswer[]> {
  const { requestAudit } = operations.context;
  const recorded: RequestAudit[] = [];
  const auditOf = (): RequestAudit => {
    const own = openOperationAudit(requestAudit);
    recorded.push(own);
    return own;
  };
  try {
    return await runInTurn(requests, delegated, { ...operations, auditOf }, dependencies);
  } finally {
    noteBatch(requestAudit, recorded);
  }
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

/** The errors of a document go to its client, who has been authenticated. */
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
