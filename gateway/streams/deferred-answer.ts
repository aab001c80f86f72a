import { toSecurityError } from '@aduana/core/http/error-response';
import type { BodySink, BodyStream } from '@aduana/core/http/route';
import type { Clock } from '@aduana/core/platform/clock';
import { describeError, type Log } from '@aduana/core/platform/log';
import type { Authorize } from '../authorize/create-authorizer.ts';
import type { RefusalPlacement } from '../authorize/place-refusals.ts';
import { findCure, tellCure } from '../authorize/step-up.ts';
import type { IncrementalEntry, IncrementalRest } from '../execute/incremental/incremental-delivery.ts';
import type { Authorized, Validated } from '../stages.ts';
import type { LoadedSupergraph } from '../supergraph/loaded-supergraph.ts';
import { isRefused, isSame, withinOpened } from './decide-subscription.ts';
import { firstPart, INCREMENTAL, type LaterEntry, lastPart, laterPart } from './incremental-parts.ts';
import type { StreamCaller } from './stream-caller.ts';
import type { StreamEnd } from './stream-end.ts';
import type { StreamSupervisor, Supervised } from './stream-supervisor.ts';

export interface DeferredAnswerOptions {
  readonly authorize: Authorize;
  readonly supervisor: StreamSupervisor;
  readonly refusals: RefusalPlacement;
  readonly clock: Clock;
  readonly log: Log;
}

/** An answer whose first part is there. */
export interface UnfinishedAnswer {
  /** The JSON text of the first part, a whole result. */
  readonly text: string;
  readonly rest: IncrementalRest;
  readonly validated: Validated;
  readonly authorized: Authorized;
  readonly supergraph: LoadedSupergraph;
}

const RENEW_BEFORE_MS = 20_000;
/** The caller leaves more unread than it may. */
const SLOW: StreamEnd = { reason: 'slow_client', code: 'STREAM_TOO_SLOW' };

/**
 * The body that brings an answer in parts. Each part has what the caller may see when it leaves: who may see nothing any
 * more gets no other part.
 */
export function deferredBody(
  answer: UnfinishedAnswer,
  caller: StreamCaller,
  options: DeferredAnswerOptions,
): BodyStream {
  return {
    start(sink) {
      new DeferredAnswer(answer, caller, sink, options).start();
    },
    cancel() {
      answer.rest.leave(new Error('the answer was not sent'));
    },
  };
}

/** Nothing more may be sent. */
class Ended extends Error {
  readonly end: StreamEnd;

  constructor(end: StreamEnd) {
    super(`the answer has ended: ${end.reason}`);
    this.end = end;
  }
}

class DeferredAnswer implements Supervised {
  readonly #answer: UnfinishedAnswer;
  readonly #caller: StreamCaller;
  readonly #sink: BodySink;
  readonly #options: DeferredAnswerOptions;
  #authorized: Authorized;
  #version = 0;
  #changesAt = 0;
  #isEnded = false;

  constructor(
    answer: UnfinishedAnswer,
    caller: StreamCaller,
    sink: BodySink,
    options: DeferredAnswerOptions,
  ) {
    this.#answer = answer;
    this.#caller = caller;
    this.#sink = sink;
    this.#options = options;
    this.#authorized = answer.authorized;
  }

  start(): void {
    const { rest, text } = this.#answer;
    const { supervisor, refusals } = this.#options;
    this.#sink.write(`${INCREMENTAL.opening}${INCREMENTAL.part(firstPart(text))}`);
    supervisor.add(this);
    this.#sink.onClose(() => {
      this.#end(undefined);
    });
    const deliver = (entries: readonly IncrementalEntry[], hasNext: boolean): void => {
      if (this.#isEnded) return;
      if (this.#isTooSlow()) throw new Ended(SLOW);
      this.#sink.write(INCREMENTAL.part(laterPart(this.#withCures(entries), hasNext, refusals)));
      if (!hasNext) this.#end(INCREMENTAL.closing);
    };
    rest
      .run(deliver, () => this.#current())
      .catch((error: unknown) => {
        this.#fail(error);
      });
  }

  review(now: number): void {
    if (this.#isEnded) return;
    if (this.#options.supervisor.version(now) === this.#version && now < this.#changesAt) return;
    try {
      this.#current();
    } catch (error) {
      this.#fail(error);
    }
  }

  tick(now: number): void {
    this.review(now);
    if (!this.#isEnded && this.#caller.expiresAt - now <= RENEW_BEFORE_MS) this.#caller.renew();
  }

  drain(): void {
    // No more than a request under way.
  }

  /**
   * What the caller may have now, within what the first part was made for.
   *
   * @throws Ended where that is nothing
   */
  #current(): Authorized {
    const { clock, supervisor, authorize } = this.#options;
    const { validated, authorized, supergraph } = this.#answer;
    const now = clock.now();
    this.#version = supervisor.version(now);
    this.#changesAt = this.#caller.changesAfter(now);
    const over = this.#caller.judge(now) ?? (this.#isTooSlow() ? SLOW : undefined);
    if (over !== undefined) throw new Ended(over);
    const { caller } = this.#caller.delegated;
    const rights = this.#caller.rights(now);
    const decided = authorize({ ...validated, caller }, supergraph, withinOpened(rights, authorized));
    if (isRefused(decided)) throw new Ended(this.#refused(decided));
    if (!isSame(decided, this.#authorized)) this.#authorized = decided;
    return this.#authorized;
  }

  /** Nothing more is fetched or written where the caller does not read what it has. */
  #isTooSlow(): boolean {
    return this.#sink.waitingBytes === Infinity;
  }

  #refused({ refusals }: Authorized): StreamEnd {
    const cure = this.#cureOf(refusals);
    return cure?.isWhole === true
      ? { reason: 'refused', code: 'INSUFFICIENT_USER_AUTHENTICATION', stepUp: cure.login }
      : { reason: 'refused', code: 'UNAUTHORIZED_FIELD_OR_TYPE' };
  }

  #cureOf(refusals: Authorized['refusals']) {
    const { refusals: placement, clock } = this.#options;
    if (placement === 'none') return undefined;
    const { requirements } = this.#answer.supergraph;
    return findCure(refusals, requirements, this.#caller.rights(clock.now()));
  }

  #withCures(entries: readonly IncrementalEntry[]): readonly LaterEntry[] {
    const cure = this.#cureOf(this.#authorized.refusals);
    return entries.map((entry) => ({ ...entry, errors: tellCure(entry.errors, cure) }));
  }

  #fail(error: unknown): void {
    if (this.#isEnded) return;
    const { code } = toSecurityError(error);
    if (!(error instanceof Ended) && code === 'INTERNAL_SERVER_ERROR')
      this.#options.log.error('a deferred part failed', { error: describeError(error) });
    const end: StreamEnd = error instanceof Ended ? error.end : { reason: 'failed', code };
    this.#end(`${INCREMENTAL.part(lastPart(end))}${INCREMENTAL.closing}`);
  }

  #end(text: string | undefined): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#options.supervisor.remove(this);
    this.#answer.rest.leave(new Error('the client left'));
    if (text !== undefined) this.#sink.write(text);
    this.#sink.end();
  }
}
