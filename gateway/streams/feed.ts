import type { Log } from '@aduana/core/platform/log';
import type { Authorized, Validated } from '../stages.ts';
import type { RequestFetcher } from '../subgraphs/forward.ts';
import type { Upstream } from '../subgraphs/upstream.ts';
import type { LoadedSupergraph } from '../supergraph/loaded-supergraph.ts';
import type { DecidedSubscription } from './decide-subscription.ts';
import type { StreamEnd } from './stream-end.ts';

/** A stream of a subgraph, and what may leave of what it brings. */
export interface Feed {
  readonly upstream: Upstream;
  readonly supergraph: LoadedSupergraph;
  /** To the subgraphs of that supergraph. */
  readonly fetcher: RequestFetcher;
  readonly validated: Validated;
  /** What the stream was opened for: no event has more than that. */
  readonly opened: DecidedSubscription;
  /** What the caller may have of it now. */
  authorized: Authorized;
  /** The same, ready to be carried out; undefined while it is planned: nothing leaves until then. */
  effective: DecidedSubscription | undefined;
  deciding: Promise<void> | undefined;
  /** Which of the stream's decisions that is. */
  decision: number;
}

/** What a feed is opened for. */
export type FeedRequest = Pick<Feed, 'supergraph' | 'validated' | 'opened' | 'decision'>;

export interface FeedListener {
  onResult(feed: Feed, result: unknown, bytes: number): void;
  onEnd(feed: Feed, end: StreamEnd): void;
}

export interface FeedOptions {
  readonly forward: (supergraph: LoadedSupergraph) => RequestFetcher;
  /** Aborted when nobody listens any more. */
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** @throws SecurityError where the subgraph's stream cannot be opened */
export async function openFeed(
  request: FeedRequest,
  listener: FeedListener,
  { forward, signal, log }: FeedOptions,
): Promise<Feed> {
  const { authorized, compiled, narrowings } = request.opened;
  const { subgraph } = compiled.primary;
  const narrowing = narrowings.get(subgraph);
  if (narrowing === undefined) throw new TypeError(`no narrowing for ${subgraph}`);
  const fetcher = forward(request.supergraph);
  const upstream = await fetcher.openUpstream({
    subgraph,
    body: compiled.body,
    caller: authorized.caller,
    narrowing,
    trace: authorized.trace,
    signal,
  });
  const feed: Feed = {
    ...request,
    upstream,
    fetcher,
    authorized,
    effective: request.opened,
    deciding: undefined,
  };
  upstream.start({
    onResult: (result, bytes) => {
      listener.onResult(feed, result, bytes);
    },
    onComplete: () => {
      listener.onEnd(feed, { reason: 'complete', code: undefined });
    },
    onFailure: (code, detail) => {
      log.warn("a subgraph's stream failed", { subgraph, code, detail });
      listener.onEnd(feed, { reason: 'subgraph', code });
    },
  });
  return feed;
}
