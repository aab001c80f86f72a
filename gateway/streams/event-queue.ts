import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock } from '@aduana/core/platform/clock';
import { type SubgraphResponse, parseSubgraphResponse } from '../execute/shared/subgraph-response.ts';
import type { SharedRoom } from '../limits/shared-room.ts';
import type { Feed } from './feed.ts';

/** An event that has come and has not left. */
export interface Waiting {
  readonly feed: Feed;
  readonly event: SubgraphResponse;
  readonly bytes: number;
}

export interface EventQueueOptions {
  readonly clock: Clock;
  readonly bufferBytes: number;
  readonly messagesPerSecond: number | 'off';
  /** What all answers of subgraphs and events of their streams may take together. */
  readonly room: SharedRoom;
}

const SECOND_MS = 1_000;

/** What subgraphs have sent for one subscription, in the order in which it came, within its bounds. */
export class EventQueue {
  readonly #options: EventQueueOptions;
  readonly #waiting: Waiting[] = [];
  #bytes = 0;
  #isPaused = false;
  #second = 0;
  #inSecond = 0;

  constructor(options: EventQueueOptions) {
    this.#options = options;
  }

  get first(): Waiting | undefined {
    return this.#waiting[0];
  }

  /** Counts a message that came; false where there are more in a second than there may be. */
  count(): boolean {
    const { clock, messagesPerSecond } = this.#options;
    const second = Math.floor(clock.monotonic() / SECOND_MS);
    if (second !== this.#second) this.#inSecond = 0;
    this.#second = second;
    this.#inSecond += 1;
    return messagesPerSecond === 'off' || this.#inSecond <= messagesPerSecond;
  }

  /** @throws SecurityError `SUBGRAPH_ERROR` for what is no GraphQL result, `OVERLOADED` where there is no room for it */
  push(feed: Feed, result: unknown, bytes: number): void {
    const event = parseSubgraphResponse(result);
    if (!this.#options.room.take(subgraphOf(feed), bytes))
      throw new SecurityError('OVERLOADED', { detail: 'there is no room for its events' });
    this.#waiting.push({ feed, event, bytes });
    this.#bytes += bytes;
    if (this.#bytes <= this.#options.bufferBytes || this.#isPaused) return;
    this.#isPaused = true;
    feed.upstream.pause();
  }

  /** Takes the first one out; the feed of now goes on where it had been stopped. */
  shift(current: Feed | undefined): void {
    const first = this.#waiting.shift();
    if (first !== undefined) this.#forget(first);
    if (!this.#isPaused || this.#bytes > this.#options.bufferBytes / 2) return;
    this.#isPaused = false;
    current?.upstream.resume();
  }

  /** Another feed has taken the place of the one before. */
  changeFeed(): void {
    this.#isPaused = false;
  }

  clear(): void {
    for (const waiting of this.#waiting.splice(0)) this.#forget(waiting);
  }

  #forget({ feed, bytes }: Waiting): void {
    this.#bytes -= bytes;
    this.#options.room.give(subgraphOf(feed), bytes);
  }
}

function subgraphOf({ opened }: Feed): string {
  return opened.compiled.primary.subgraph;
}
