import type { Clock } from '@aduana/core/platform/clock';
import type { Log } from '@aduana/core/platform/log';
import { within } from '@aduana/core/platform/within';
import type { Database } from '@aduana/server-kit/store/database';
import { type Claim, ClaimedWork } from './claimed-work.ts';
import { formatRecord } from './format-record.ts';
import type { SentPart, ShippedEvent, Sink } from './sink.ts';
import type { Refused, SinkCursors } from './sink-cursors.ts';
import { readStream } from './read-stream.ts';
import { SentRecords } from './sent-records.ts';
import type { StreamCursor } from './stream-record.ts';

export interface ShipperOptions {
  readonly name: string;
  readonly format: 'ocsf' | 'cef';
  readonly sink: Sink;
  readonly cursors: SinkCursors;
  readonly reader: Database;
  /** Of the log's keys, the newest first. */
  readonly vkeys: () => readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  readonly onDeadLetters: (count: number) => void;
}

const BATCH_EVENTS = 500;
/** How much may be under way without an acknowledgement. */
const WINDOW_EVENTS = 20_000;
const IDLE_MS = 500;
const CONNECT_DEADLINE_MS = 15_000;
const SEND_DEADLINE_MS = 120_000;
const NOTHING: SentPart = { taken: 0, dead: [] };

/** Brings the log to one receiver: at least once, in order, from where the receiver's acknowledgements ended. */
export class Shipper {
  readonly #options: ShipperOptions;
  readonly #work: ClaimedWork;

  constructor(options: ShipperOptions) {
    this.#options = options;
    this.#work = new ClaimedWork({ ...options, work: (claim) => this.#ship(claim) });
  }

  get name(): string {
    return this.#options.name;
  }

  /** What keeps events from their receiver; undefined while they flow. */
  get lastError(): string | undefined {
    return this.#work.lastError;
  }

  /** Ends within seconds, whatever the receiver does: what is not acknowledged is sent again by whoever ships next. */
  stop(): Promise<void> {
    return this.#work.stop();
  }

  /** One connection's life. */
  async #ship({ cursor, signal, progressed }: Claim): Promise<void> {
    const { sink, clock } = this.#options;
    const connection = await within(clock, CONNECT_DEADLINE_MS, late, () => sink.connect(0));
    const end = (): void => {
      connection.close().catch(() => undefined);
    };
    signal.addEventListener('abort', end, { once: true });
    const sent = new SentRecords(cursor);
    let waiting: readonly ShippedEvent[] = [];
    let saved = cursor;
    try {
      while (!signal.aborted) {
        if (waiting.length === 0) waiting = await this.#read(sent);
        const isLast = waiting.length < BATCH_EVENTS;
        const { taken, dead } =
          waiting.length === 0
            ? NOTHING
            : await within(clock, SEND_DEADLINE_MS, late, () => connection.send(waiting));
        waiting = waiting.slice(taken);
        const refused = dead.map(({ position, reason }) => ({ seq: sent.seqAt(position), reason }));
        const reached = sent.settle(connection.acknowledged());
        if (reached !== saved || refused.length > 0) {
          await this.#save(reached, refused);
          saved = reached;
          progressed();
        }
        if (waiting.length === 0 && isLast) await clock.sleep(IDLE_MS, signal).catch(() => undefined);
      }
    } finally {
      signal.removeEventListener('abort', end);
      await connection.close().catch(() => undefined);
    }
  }

  /** What comes next, in the sink's format; nothing while too much is not acknowledged. */
  async #read(sent: SentRecords): Promise<readonly ShippedEvent[]> {
    if (sent.size >= WINDOW_EVENTS) return [];
    const { reader, vkeys } = this.#options;
    const records = await readStream(reader, sent.end, BATCH_EVENTS, vkeys());
    return records.map((record) => formatRecord(record, this.#options.format, sent.add(record)));
  }

  async #save(cursor: StreamCursor, refused: readonly Refused[]): Promise<void> {
    const { name, cursors, log, onDeadLetters } = this.#options;
    if (refused.length > 0) {
      log.error('a sink refuses events for good', {
        sink: name,
        count: refused.length,
        reason: refused[0]?.reason,
      });
      onDeadLetters(refused.length);
    }
    if (!(await cursors.advance(name, cursor, refused)))
      throw new Error('another replica ships to this sink');
  }
}

function late(): Error {
  return new Error('the receiver does not answer');
}
