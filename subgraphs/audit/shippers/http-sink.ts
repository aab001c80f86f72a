import {
  type HttpTransport,
  type HttpTransportSettings,
  openHttpTransport,
  RetryableError,
  TooLargeError,
} from './http-transport.ts';
import type { DeadLetter, ShippedEvent, Sink, SinkConnection } from './sink.ts';

/** What a receiver did with a batch. */
export interface BatchOutcome {
  /** How many of the first events it holds, or refuses for good: the others are to be sent again. */
  readonly settled: number;
  readonly dead: readonly DeadLetter[];
}

/** One receiver's way to take a batch. */
export type PostBatch = (transport: HttpTransport, events: readonly ShippedEvent[]) => Promise<BatchOutcome>;

/** A sink over HTTPS whose receiver tells of each batch what it holds. */
export function createHttpSink(settings: HttpTransportSettings, postBatch: PostBatch): Sink {
  return {
    connect: async (from) => new HttpConnection(await openHttpTransport(settings), postBatch, from),
  };
}

class HttpConnection implements SinkConnection {
  readonly #transport: HttpTransport;
  readonly #postBatch: PostBatch;
  #acknowledged: number;
  /** How many events the receiver takes at once, as far as it has shown. */
  #limit = Infinity;

  constructor(transport: HttpTransport, postBatch: PostBatch, from: number) {
    this.#transport = transport;
    this.#postBatch = postBatch;
    this.#acknowledged = from;
  }

  async send(events: readonly ShippedEvent[]): Promise<readonly DeadLetter[]> {
    const dead: DeadLetter[] = [];
    for (let at = 0; at < events.length;) {
      const part = events.slice(at, at + this.#limit);
      try {
        const outcome = await this.#post(part);
        dead.push(...outcome.dead);
        at += outcome.settled;
        this.#acknowledged = (events[at - 1]?.position ?? this.#acknowledged - 1) + 1;
        if (outcome.settled < part.length && this.#limit >= part.length)
          throw new RetryableError('the receiver took a part of the batch');
      } catch (error) {
        throw at > 0 ? new PartialBatchError(dead, error) : error;
      }
    }
    return dead;
  }

  acknowledged(): number {
    return this.#acknowledged;
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  /** What is too large is halved, down to the one event that no half can help. */
  async #post(events: readonly ShippedEvent[]): Promise<BatchOutcome> {
    try {
      return await this.#postBatch(this.#transport, events);
    } catch (error) {
      if (!(error instanceof TooLargeError)) throw error;
      if (events.length > 1) {
        this.#limit = Math.ceil(events.length / 2);
        return { settled: 0, dead: [] };
      }
      return {
        settled: events.length,
        dead: events.map(({ position }) => ({ position, reason: 'too large for the receiver' })),
      };
    }
  }
}

/** The receiver took the beginning of a batch; what it refused of that for good is told here. */
export class PartialBatchError extends RetryableError {
  override readonly name = 'PartialBatchError';
  readonly dead: readonly DeadLetter[];

  constructor(dead: readonly DeadLetter[], why: unknown) {
    super(
      why instanceof Error ? why.message : String(why),
      why instanceof RetryableError ? why.retryAfterMilliseconds : 0,
    );
    this.dead = dead;
  }
}

/** Sends one event at a time, to find the one for which a batch is refused. */
export async function postEach(
  events: readonly ShippedEvent[],
  postOne: (event: ShippedEvent) => Promise<string | undefined>,
): Promise<BatchOutcome> {
  const dead: DeadLetter[] = [];
  for (const event of events) {
    const reason = await postOne(event);
    if (reason !== undefined) dead.push({ position: event.position, reason });
  }
  return { settled: events.length, dead };
}
