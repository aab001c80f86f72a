import { type HttpTransport, type HttpTransportSettings, openHttpTransport } from './http-transport.ts';
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

  constructor(transport: HttpTransport, postBatch: PostBatch, from: number) {
    this.#transport = transport;
    this.#postBatch = postBatch;
    this.#acknowledged = from;
  }

  async send(events: readonly ShippedEvent[]): Promise<readonly DeadLetter[]> {
    const { settled, dead } = await this.#postBatch(this.#transport, events);
    const last = events[settled - 1];
    if (last !== undefined) this.#acknowledged = last.position + 1;
    if (settled < events.length) throw new PartialBatchError(dead);
    return dead;
  }

  acknowledged(): number {
    return this.#acknowledged;
  }

  close(): Promise<void> {
    return this.#transport.close();
  }
}

/** The receiver took the beginning of a batch; what it refused of that for good is told here. */
export class PartialBatchError extends Error {
  override readonly name = 'PartialBatchError';
  readonly dead: readonly DeadLetter[];

  constructor(dead: readonly DeadLetter[]) {
    super('the receiver took a part of the batch');
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
