import { toSecurityError } from '@aduana/core/http/error-response';
import { uuidv7 } from '@aduana/core/platform/ids';
import { describeError } from '@aduana/core/platform/log';
import type { ServiceRequest } from '@aduana/core/http/route';
import {
  noteCaller,
  noteFailure,
  openRequestAudit,
  type RequestAudit,
  requestRecord,
} from '../audit/request-audit.ts';
import { rightsOf } from '../authorize/rights.ts';
import type { HandlerDependencies } from '../handler-dependencies.ts';
import { readOperationParameters } from '../http/graphql-request.ts';
import { type OperationAnswer, runOperation } from '../run-operation.ts';
import { runOrExplain, TRAFFIC } from '../run-request.ts';
import type { OpenedStream } from '../streams/open-streams.ts';
import type { StreamOpening } from '../streams/open-streams.ts';
import type { StreamCaller } from '../streams/stream-caller.ts';

/** What became of a `subscribe`; its event is durable. */
export type SubscribeOutcome =
  | { readonly kind: 'stream'; readonly stream: OpenedStream }
  /** Counts as unread until `onSent`. */
  | { readonly kind: 'answer'; readonly text: string; readonly onSent: () => void }
  | { readonly kind: 'refused'; readonly errors: readonly unknown[] };

/** What a `subscribe` has. */
export interface Sent {
  readonly payload: unknown;
  /**
   * Keeps room for it; returns what gives that back.
   *
   * @throws SecurityError `CONCURRENCY_LIMITED` or `OVERLOADED`
   */
  readonly hold: () => () => void;
}

/** Runs one operation that came over a connection, as any request runs, with an audit event of its own. */
export async function runSubscribe(
  sent: Sent,
  caller: StreamCaller,
  request: ServiceRequest,
  signal: AbortSignal,
  dependencies: HandlerDependencies,
): Promise<SubscribeOutcome> {
  const { clock, log } = dependencies.platform;
  const requestAudit = openRequestAudit(uuidv7(clock.now()));
  const startedAt = dependencies.traffic.begin();
  const unread = dependencies.callers.keepUnread(caller.delegated.caller);
  let answer: OperationAnswer;
  try {
    answer = await run(sent, caller, request, signal, requestAudit, dependencies);
    unread.begin(answer.text.length);
  } catch (error) {
    const known = toSecurityError(error);
    noteFailure(requestAudit, known);
    if (known.status >= 500 && known.code !== 'OVERLOADED')
      log.error('an operation failed', { error: describeError(error), audit_id: requestAudit.id });
    answer = { status: known.status, text: errorText(known) };
  }
  const { status, text, stream } = answer;
  try {
    await dependencies.audit.record(requestRecord(requestAudit, request.trace, request.remoteAddress));
  } catch (error) {
    stream?.cancel();
    unread.release();
    return { kind: 'refused', errors: errorsOf(errorText(toSecurityError(error))) };
  }
  dependencies.traffic.note(TRAFFIC[requestAudit.outcome], startedAt);
  if (stream === undefined && status === 200)
    return {
      kind: 'answer',
      text,
      onSent: () => {
        unread.release();
      },
    };
  unread.release();
  return stream === undefined ? { kind: 'refused', errors: errorsOf(text) } : { kind: 'stream', stream };
}

async function run(
  { payload, hold }: Sent,
  caller: StreamCaller,
  request: ServiceRequest,
  signal: AbortSignal,
  requestAudit: RequestAudit,
  dependencies: HandlerDependencies,
): Promise<OperationAnswer> {
  const { delegated } = caller;
  noteCaller(requestAudit, delegated.caller);
  const giveBack = hold();
  let leave: (() => void) | undefined;
  try {
    leave = await dependencies.callers.enter(delegated.caller, { signal });
    const engine = dependencies.engine();
    requestAudit.policySha256 = engine.sha256;
    const supergraph = dependencies.supergraph();
    const forward: StreamOpening['forward'] = (other) =>
      dependencies.forward(other.subgraphs, request.headers);
    const fetcher = forward(supergraph);
    const { environment, streams, platform } = dependencies;
    const rates = await dependencies.callers.countRates(delegated.caller, engine.rateConditions);
    caller.noteRates(rates);
    const context = {
      supergraph,
      rights: rightsOf(delegated.caller, engine, { time: platform.clock.now(), environment, rates }),
      fetcher,
      requestAudit,
      auditId: requestAudit.id,
      signal,
      openStream: (wanted: Parameters<typeof streams.open>[0]) =>
        streams.open(wanted, { caller, forward, requestAudit, shareKey: undefined }),
    };
    const sent = readOperationParameters(payload, dependencies.limits);
    const measured = () =>
      dependencies.measureOperation(delegated, requestAudit, (traced) =>
        runOperation(traced, sent, dependencies, context),
      );
    return await runOrExplain(measured, requestAudit, { requestErrorStatus: 400 });
  } finally {
    giveBack();
    leave?.();
  }
}

function errorText({ message, code, extensions }: ReturnType<typeof toSecurityError>): string {
  return JSON.stringify({ errors: [{ message, extensions: { code, ...extensions } }] });
}

function errorsOf(text: string): readonly unknown[] {
  const { errors } = JSON.parse(text) as { errors?: readonly unknown[] };
  return errors ?? [];
}
