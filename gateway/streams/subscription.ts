import { SecurityError } from '@aduana/core/errors/security-error';
import { toSecurityError } from '@aduana/core/http/error-response';
import { describeError } from '@aduana/core/platform/log';
import { RequestErrors } from '../documents/request-errors.ts';
import type { GraphqlRequest } from '../http/graphql-request.ts';
import type { Validated } from '../stages.ts';
import type { RequestFetcher } from '../subgraphs/forward.ts';
import type { LoadedSupergraph } from '../supergraph/loaded-supergraph.ts';
import { completeEvent, type CompleteEventOptions } from './complete-event.ts';
import { ContinuousRights } from './continuous-rights.ts';
import type { DecidedSubscription } from './decide-subscription.ts';
import { EventQueue, type EventQueueOptions } from './event-queue.ts';
import { type Feed, type FeedListener, openFeed } from './feed.ts';
import type { StreamCaller } from './stream-caller.ts';
import type { StreamEnd } from './stream-end.ts';
import type { ContinuousRightsOptions } from './stream-of-rights.ts';
import type { Supervised } from './stream-supervisor.ts';
import type { Subscriber } from './subscriber.ts';

export type SubscriptionOptions = ContinuousRightsOptions & EventQueueOptions & CompleteEventOptions;

/** What is asked for, by whom and of whom. */
export interface SubscriptionRequest {
  readonly request: GraphqlRequest;
  readonly caller: StreamCaller;
  readonly forward: (supergraph: LoadedSupergraph) => RequestFetcher;
  readonly supergraph: LoadedSupergraph;
  readonly validated: Validated;
  readonly decided: DecidedSubscription;
}

/** One subscription of one caller, for all of its clients who asked the same. */
export class Subscription implements Supervised {
  readonly #options: SubscriptionOptions;
  readonly #request: SubscriptionRequest;
  readonly #subscribers = new Set<Subscriber>();
  #expected = 0;
  readonly #leave = new AbortController();
  readonly #onEnd: () => void;
  readonly #queue: EventQueue;
  readonly #rights: ContinuousRights;
  #pumping = false;
  #unfollow: (() => void) | undefined;
  #last: StreamEnd | undefined;
  #ended: StreamEnd | undefined;

  /** @param onEnd called once, when nobody can join any more */
  constructor(options: SubscriptionOptions, request: SubscriptionRequest, onEnd: () => void) {
    this.#options = options;
    this.#request = request;
    this.#onEnd = onEnd;
    this.#queue = new EventQueue(options);
    this.#rights = this.#createRights();
  }

  #createRights(): ContinuousRights {
    const { request, caller, forward } = this.#request;
    const { log } = this.#options;
    const listener: FeedListener = {
      onResult: (feed, result, bytes) => {
        this.#receive(feed, result, bytes);
      },
      onEnd: (feed, end) => {
        this.#finish(feed, end);
      },
    };
    return new ContinuousRights(this.#options, {
      request,
      caller,
      openFeed: (wanted) => openFeed(wanted, listener, { forward, signal: this.#leave.signal, log }),
      onFeed: () => {
        this.#queue.changeFeed();
      },
      noteRefusals: (described) => {
        for (const subscriber of this.#subscribers) subscriber.noteRefusals(described);
      },
      end: (end) => {
        this.end(end);
      },
      fail: (error) => {
        this.#fail(error);
      },
      isOver: () => this.#isOver(),
    });
  }

  /** What it was opened for. */
  get decided(): DecidedSubscription {
    return this.#request.decided;
  }

  get ended(): StreamEnd | undefined {
    return this.#ended;
  }

  /** @throws SecurityError where the subgraph's stream cannot be opened */
  async open(): Promise<void> {
    const { supergraph, validated, decided } = this.#request;
    try {
      await this.#rights.open({ supergraph, validated, opened: decided });
    } catch (error) {
      this.end({ reason: 'failed', code: toSecurityError(error).code });
      throw error;
    }
    this.#options.supervisor.add(this);
    this.#unfollow = this.#request.caller.onReplace(() => {
      this.#rights.reviewAnyway(this.#options.clock.now());
    });
  }

  /** A client will join, or be taken back by `forget`. */
  expect(): void {
    this.#expected += 1;
  }

  forget(): void {
    this.#expected -= 1;
    this.#endIfAlone();
  }

  /** From now on the client gets every message; of the first one, those that came before it as well. */
  join(subscriber: Subscriber): void {
    this.#expected -= 1;
    if (this.#ended !== undefined) {
      subscriber.end(this.#ended);
      return;
    }
    this.#subscribers.add(subscriber);
    void this.#pump();
  }

  leave(subscriber: Subscriber): void {
    this.#subscribers.delete(subscriber);
    this.#endIfAlone();
  }

  #endIfAlone(): void {
    if (this.#subscribers.size === 0 && this.#expected === 0)
      this.end({ reason: 'client_left', code: undefined });
  }

  review(now: number): void {
    this.#rights.review(now);
  }

  tick(now: number): void {
    this.#rights.tick(now);
    for (const subscriber of [...this.#subscribers]) subscriber.tick();
  }

  drain(): void {
    this.end({ reason: 'drain', code: 'STREAM_RESTART' });
  }

  end(end: StreamEnd): void {
    if (this.#ended !== undefined) return;
    this.#ended = end;
    this.#options.supervisor.remove(this);
    this.#unfollow?.();
    this.#onEnd();
    this.#leave.abort(new Error('the stream has ended'));
    this.#rights.feed?.upstream.close();
    this.#queue.clear();
    for (const subscriber of [...this.#subscribers]) subscriber.end(end);
    this.#subscribers.clear();
  }

  #fail(error: unknown): void {
    if (this.#isOver()) return; // what it was at was given up
    const known =
      error instanceof RequestErrors ? new SecurityError('STREAM_RESTART') : toSecurityError(error);
    if (known.code === 'INTERNAL_SERVER_ERROR')
      this.#options.log.error('a stream failed', { error: describeError(error) });
    const isSubgraph = known.code === 'SUBGRAPH_ERROR' || known.code === 'SUBGRAPH_UNAVAILABLE';
    const reason = known.code === 'AUDIT_UNAVAILABLE' ? 'unrecorded' : isSubgraph ? 'subgraph' : 'failed';
    this.end({ reason, code: known.code });
  }

  #receive(feed: Feed, result: unknown, bytes: number): void {
    if (this.#isOver() || this.#last !== undefined) return;
    if (!this.#queue.count()) {
      this.end({ reason: 'too_many_messages', code: 'STREAM_RATE_EXCEEDED' });
      return;
    }
    try {
      this.#queue.push(feed, result, bytes);
    } catch (error) {
      feed.upstream.close();
      this.#finish(feed, { reason: 'subgraph', code: toSecurityError(error).code });
      return;
    }
    void this.#pump();
  }

  /** What has come before the end is sent before it. */
  #finish(feed: Feed, end: StreamEnd): void {
    const current = this.#rights.feed;
    if (current !== undefined && current !== feed) return;
    this.#last = end;
    void this.#pump();
  }

  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    const stream = { rights: this.#rights, signal: this.#leave.signal };
    try {
      while (!this.#isOver() && this.#subscribers.size > 0) {
        const { first } = this.#queue;
        if (first === undefined) {
          if (this.#last !== undefined) this.end(this.#last);
          break;
        }
        const message = await completeEvent(first, stream, this.#options);
        if (message === undefined || this.#isOver()) break;
        for (const subscriber of [...this.#subscribers]) subscriber.deliver(message);
        this.#queue.shift(this.#rights.feed);
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#pumping = false;
    }
  }

  #isOver(): boolean {
    return this.#ended !== undefined;
  }
}
