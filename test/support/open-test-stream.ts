import type { Engine } from '@aduana/server-kit/iam/compile';
import type { Delegated } from '../../gateway/stages.ts';
import type { LoadedSupergraph } from '../../gateway/supergraph/loaded-supergraph.ts';
import { createFakeClock } from './fake-clock.ts';
import { createFeeds, type OpenFeed } from './stream-feeds.ts';
import { openStreamWorld } from './stream-world.ts';

/** A subscription to the field `changed`, and what its client and the gateway do. */
export interface TestStreamOptions {
  readonly supergraph: LoadedSupergraph;
  /** The rights at first. */
  readonly engine: Engine;
  readonly caller: Delegated;
  readonly document: string;
  /** Milliseconds since the epoch; default: noon of 1 January 2026. */
  readonly start?: number;
  /** The caller as the client shows it again; default: it cannot. */
  readonly renew?: () => Promise<Delegated>;
  /** What subgraphs answer when asked for the fields of entities. */
  readonly answer?: Parameters<typeof createFeeds>[0];
  readonly more?: Parameters<typeof openStreamWorld>[3];
}

/** Opens a stream under a fake clock, over subgraphs that the test speaks for. */
export async function openTestStream(options: TestStreamOptions) {
  const { supergraph, engine, caller, document, start = Date.UTC(2026, 0, 1, 12), renew, answer } = options;
  const clock = createFakeClock(start);
  const world = openStreamWorld(clock, supergraph, engine, options.more);
  const { feeds, fetcher } = createFeeds(answer);
  const stream = await world.open(caller, document, fetcher, renew);
  return {
    clock,
    world,
    feeds,
    fetcher,
    ...stream,
    /** A subgraph sends an event in which `changed` is this object. */
    async sendChange(changed: object, feed: OpenFeed | undefined): Promise<void> {
      feed?.listener.onResult({ data: { changed } }, 50);
      await clock.advance(0);
    },
  };
}
