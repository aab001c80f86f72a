import type { Clock } from '@aduana/core/platform/clock';
import { every, type Repeating } from '@aduana/core/platform/every';
import { jitter } from '@aduana/core/platform/ids';
import { describeError, type Log } from '@aduana/core/platform/log';
import { within } from '@aduana/core/platform/within';
import type { Database } from '@aduana/server-kit/store/database';
import { formatRecord } from './format-record.ts';
import { RetryableError } from './http-transport.ts';
import type { SentPart, ShippedEvent, Sink } from './sink.ts';
import { LEASE_MS, type Refused, type SinkCursors } from './sink-cursors.ts';
import { readStream } from './read-stream.ts';
import { SentRecords } from './sent-records.ts';
import type { StreamCursor } from './stream-record.ts';

export interface ShipperOptions {
  readonly name: string;
  readonly format: 'ocsf' | 'cef';
  readonly sink: Sink;
  readonly cursors: SinkCursors;
  readonly reader: Database;
  readonly clock: Clock;
  readonly log: Log;
  readonly onDeadLetters: (count: number) => void;
}

const BATCH_EVENTS = 500;
/** How much may be under way without an acknowledgement. */
const WINDOW_EVENTS = 20_000;
const IDLE_MS = 500;
const CLAIM_PAUSE_MS = 5000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
const CONNECT_DEADLINE_MS = 15_000;
const SEND_DEADLINE_MS = 120_000;
const STOP_DEADLINE_MS = 3000;
const NOTHING: SentPart = { taken: 0, dead: [] };

/** Brings the log to one receiver: at least once, in order, from where the receiver's acknowledgements ended. */
export class Shipper {
  readonly #options: ShipperOptions;
  readonly #stopped = new AbortController();
  readonly #running: Promise<void>;
  #lastError: string | undefined;

  constructor(options: ShipperOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** What keeps events from their receiver; undefined while they flow. */
  get lastError(): string | undefined {
    return this.#lastError;
  }

  /** Ends within seconds, whatever the receiver does: what is not acknowledged is sent again by whoever ships next. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await within(this.#options.clock, STOP_DEADLINE_MS, late, () => this.#running).catch(() => undefined);
  }

  async #run(): Promise<void> {
    const { name, cursors, log } = this.#options;
    let pause = FIRST_PAUSE_MS;
    while (!this.#isStopped()) {
      try {
        const cursor = await cursors.claim(name);
        if (cursor === undefined) {
          this.#lastError = undefined; // the replica that ships reports how it goes
          await this.#sleep(CLAIM_PAUSE_MS);
        } else await this.#ship(cursor, () => (pause = FIRST_PAUSE_MS));
      } catch (error) {
        if (this.#isStopped()) break;
        if (this.#lastError === undefined)
          log.warn('a sink does not take events', { sink: name, error: describeError(error) });
        this.#lastError = error instanceof Error ? error.message : String(error);
        const asked = error instanceof RetryableError ? error.retryAfterMilliseconds : 0;
        await this.#sleep(Math.max(pause * jitter(0.2), asked));
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      }
    }
    await cursors.release(name).catch(() => undefined);
  }

  /** One connection's life. */
  async #ship(cursor: StreamCursor, onProgress: () => void): Promise<void> {
    const { name, sink, clock, log } = this.#options;
    const connection = await within(clock, CONNECT_DEADLINE_MS, late, () => sink.connect(0));
    const end = (): void => {
      connection.close().catch(() => undefined);
    };
    this.#stopped.signal.addEventListener('abort', end, { once: true });
    const keeping = this.#keepClaim(end);
    const sent = new SentRecords(cursor);
    let waiting: readonly ShippedEvent[] = [];
    let saved = cursor;
    try {
      while (!this.#isStopped()) {
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
          onProgress();
          if (this.#lastError !== undefined) log.info('a sink takes events again', { sink: name });
          this.#lastError = undefined;
        }
        if (waiting.length === 0 && isLast) await this.#sleep(IDLE_MS);
      }
    } finally {
      this.#stopped.signal.removeEventListener('abort', end);
      await keeping.stop();
      await connection.close().catch(() => undefined);
    }
  }

  /** What comes next, in the sink's format; nothing while too much is not acknowledged. */
  async #read(sent: SentRecords): Promise<readonly ShippedEvent[]> {
    if (sent.size >= WINDOW_EVENTS) return [];
    const records = await readStream(this.#options.reader, sent.end, BATCH_EVENTS);
    return records.map((record) => formatRecord(record, this.#options.format, sent.add(record)));
  }

  /** A receiver may take longer than a claim lasts: it is kept meanwhile. */
  #keepClaim(onLost: () => void): Repeating {
    const { name, cursors, clock, log } = this.#options;
    return every(
      clock,
      () => LEASE_MS / 3,
      async () => {
        if (!(await cursors.keep(name))) onLost();
      },
      (error) => {
        log.debug('the claim to a sink is not kept', { sink: name, error: describeError(error) });
      },
    );
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

  #isStopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  async #sleep(milliseconds: number): Promise<void> {
    await this.#options.clock.sleep(milliseconds, this.#stopped.signal).catch(() => undefined);
  }
}

function late(): Error {
  return new Error('the receiver does not answer');
}
