import type { Clock } from '@aduana/core/platform/clock';
import {
  type HttpTransport,
  type HttpTransportSettings,
  openHttpTransport,
  RefusedBatchError,
  RetryableError,
} from './http-transport.ts';
import type { DeadLetter, SentPart, ShippedEvent, Sink, SinkConnection } from './sink.ts';

/** What a receiver did with a batch. */
export interface BatchOutcome {
  /** How many of the first events it holds, or refuses for good: the others are to be sent again. */
  readonly settled: number;
  readonly dead: readonly DeadLetter[];
}

/** One receiver's way to take a batch. @throws RefusedBatchError where it does not say which of the events it refuses */
export type PostBatch = (transport: HttpTransport, events: readonly ShippedEvent[]) => Promise<BatchOutcome>;

/** A sink over HTTPS whose receiver reports for each batch what it has stored. */
export function createHttpSink(settings: HttpTransportSettings, clock: Clock, postBatch: PostBatch): Sink {
  return {
    connect: async (from) => new HttpConnection(await openHttpTransport(settings, clock), postBatch, from),
  };
}

class HttpConnection implements SinkConnection {
  readonly #transport: HttpTransport;
  readonly #postBatch: PostBatch;
  #acknowledged: number;
  /** How many events are sent at once: halved when a batch is refused, grown while batches are taken. */
  #limit = Infinity;
  #failure: Error | undefined;

  constructor(transport: HttpTransport, postBatch: PostBatch, from: number) {
    this.#transport = transport;
    this.#postBatch = postBatch;
    this.#acknowledged = from;
  }

  async send(events: readonly ShippedEvent[]): Promise<SentPart> {
    if (this.#failure !== undefined) throw this.#failure;
    const { settled, dead, posted } = await this.#post(events);
    if (settled < posted) {
      const failure = new RetryableError('the receiver took a part of the batch');
      if (settled === 0) throw failure;
      this.#failure = failure; // reported by the next call, so that what was taken counts
    }
    this.#acknowledged = (events[settled - 1]?.position ?? this.#acknowledged - 1) + 1;
    return { taken: settled, dead };
  }

  acknowledged(): number {
    return this.#acknowledged;
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  /** What is refused is halved, down to the one event that no half can help. */
  async #post(events: readonly ShippedEvent[]): Promise<BatchOutcome & { readonly posted: number }> {
    for (;;) {
      const part = events.slice(0, this.#limit);
      try {
        const outcome = await this.#postBatch(this.#transport, part);
        this.#limit += Math.ceil(this.#limit / 8);
        return { ...outcome, posted: part.length };
      } catch (error) {
        if (!(error instanceof RefusedBatchError)) throw error;
        if (part.length <= 1) {
          const dead = part.map(({ position }) => ({ position, reason: error.message }));
          return { settled: part.length, dead, posted: part.length };
        }
        this.#limit = Math.ceil(part.length / 2);
      }
    }
  }
}
