import type { Clock } from '@aduana/core/platform/clock';
import type { Log } from '@aduana/core/platform/log';
import type { RefusalPlacement } from '../authorize/place-refusals.ts';
import type { GraphqlRequest } from '../http/graphql-request.ts';
import type { LoadedSupergraph } from '../supergraph/loaded-supergraph.ts';
import type { DecidingStages } from './decide-subscription.ts';
import type { Feed, FeedRequest } from './feed.ts';
import type { StreamCaller } from './stream-caller.ts';
import type { StreamEnd } from './stream-end.ts';
import type { StreamSupervisor } from './stream-supervisor.ts';

export interface ContinuousRightsOptions {
  readonly stages: DecidingStages;
  readonly supergraph: () => LoadedSupergraph;
  readonly supervisor: StreamSupervisor;
  readonly refusals: RefusalPlacement;
  readonly clock: Clock;
  readonly log: Log;
}

/** The stream whose rights these are. */
export interface StreamOfRights {
  readonly request: GraphqlRequest;
  readonly caller: StreamCaller;
  openFeed(request: FeedRequest): Promise<Feed>;
  /** The feed of now is another one. */
  onFeed(feed: Feed): void;
  noteRefusals(described: Readonly<Record<string, unknown>>): void;
  end(end: StreamEnd): void;
  fail(error: unknown): void;
  isOver(): boolean;
}
