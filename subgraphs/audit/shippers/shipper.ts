import type { Clock } from '@aduana/core/platform/clock';
import { jitter } from '@aduana/core/platform/ids';
import { describeError, type Log } from '@aduana/core/platform/log';
import { within } from '@aduana/core/platform/within';
import type { Database } from '@aduana/core/store/database';
import { formatEvent, type ReadEntry } from './format-event.ts';
import { PartialBatchError } from './http-sink.ts';
import type { DeadLetter, Sink, SinkConnection } from './sink.ts';
import type { SinkCursors } from './sink-cursors.ts';

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

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { name, cursors, log } = this.#options;
    let pause = FIRST_PAUSE_MS;
    while (!this.#isStopped()) {
      try {
        const cursor = await cursors.claim(name);
        if (cursor === undefined) await this.#sleep(CLAIM_PAUSE_MS);
        else await this.#ship(cursor, () => (pause = FIRST_PAUSE_MS));
      } catch (error) {
        if (this.#lastError === undefined)
          log.warn('a sink does not take events', { sink: name, error: describeError(error) });
        this.#lastError = error instanceof Error ? error.message : String(error);
        await this.#sleep(pause * jitter(0.2));
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      }
    }
    await cursors.release(name).catch(() => undefined);
  }

  /** One connection's life. */
  async #ship(cursor: number, onProgress: () => void): Promise<void> {
    const { name, sink, clock, log } = this.#options;
    const late = (): Error => new Error('the receiver does not answer');
    const connection = await within(clock, CONNECT_DEADLINE_MS, late, () => sink.connect(cursor));
    try {
      let next = cursor;
      let saved = cursor;
      while (!this.#isStopped()) {
        const entries = next - saved < WINDOW_EVENTS ? await this.#read(next) : [];
        const dead = await within(clock, SEND_DEADLINE_MS, late, () =>
          this.#send(connection, entries, saved),
        );
        next = (entries.at(-1)?.seq ?? next - 1) + 1;
        const acknowledged = connection.acknowledged();
        if (acknowledged > saved || dead.length > 0) {
          await this.#save(acknowledged, dead);
          saved = acknowledged;
          onProgress();
          if (this.#lastError !== undefined) log.info('a sink takes events again', { sink: name });
          this.#lastError = undefined;
        }
        if (entries.length < BATCH_EVENTS) {
          await this.#sleep(IDLE_MS);
          if (acknowledged === next) await this.#save(saved, []);
        }
      }
    } finally {
      await connection.close().catch(() => undefined);
    }
  }

  async #send(
    connection: SinkConnection,
    entries: readonly ReadEntry[],
    saved: number,
  ): Promise<readonly DeadLetter[]> {
    if (entries.length === 0) return [];
    try {
      return await connection.send(entries.map((entry) => formatEvent(entry, this.#options.format)));
    } catch (error) {
      const acknowledged = error instanceof PartialBatchError ? connection.acknowledged() : saved;
      if (error instanceof PartialBatchError && acknowledged > saved)
        await this.#save(acknowledged, error.dead);
      throw error;
    }
  }

  async #read(from: number): Promise<readonly ReadEntry[]> {
    const { rows } = await this.#options.reader.query<ReadEntry>(
      'SELECT seq, leaf_hash, canonical FROM entries WHERE seq >= $1 ORDER BY seq LIMIT $2',
      [from, BATCH_EVENTS],
    );
    return rows;
  }

  async #save(cursor: number, dead: readonly DeadLetter[]): Promise<void> {
    const { name, cursors, log, onDeadLetters } = this.#options;
    if (dead.length > 0) {
      log.error('a sink refuses events for good', {
        sink: name,
        count: dead.length,
        reason: dead[0]?.reason,
      });
      onDeadLetters(dead.length);
    }
    if (!(await cursors.advance(name, cursor, dead))) throw new Error('another replica ships to this sink');
  }

  #isStopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  async #sleep(milliseconds: number): Promise<void> {
    await this.#options.clock.sleep(milliseconds, this.#stopped.signal).catch(() => undefined);
  }
}
