import type { Clock } from '@aduana/core/platform/clock';
import { every } from '@aduana/core/platform/every';
import { describeError, type Log } from '@aduana/core/platform/log';
import type { Database } from '@aduana/server-kit/store/database';
import { readEventPage } from './event-page.ts';
import type { EventFilter, StoredEvent } from './stored-event.ts';

/** The log as it grows, whichever replica writes it. */
export interface EventFollower {
  /**
   * The events after an entry that a filter lets through, in the order of the log, none left out; they are read as they
   * are taken. Where it begins is settled when the promise resolves. Ends when `signal` is aborted.
   *
   * @param afterSeq undefined: what is recorded from now on
   */
  follow(
    filter: EventFilter,
    afterSeq: number | undefined,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<StoredEvent, void, undefined>>;
  stop(): Promise<void>;
}

export interface EventFollowerOptions {
  readonly reader: Database;
  readonly clock: Clock;
  readonly log: Log;
}

/** How often all who follow ask together how far the log has come. */
const LOOK_MS = 200;
const PAGE_EVENTS = 200;
/** After a full page: whoever has fallen behind gets less in a second than a stream may have. */
const PAGE_REST_MS = 250;
/** `stream.messages`: each message of a stream that shows it would bring the next one. */
const OF_STREAMS = 'stream.messages';

export function createEventFollower({ reader, clock, log }: EventFollowerOptions): EventFollower {
  const waiting = new Set<() => void>();
  let size = 0;

  async function readSize(): Promise<number> {
    const { rows } = await reader.query<{ size: number }>('SELECT size FROM head');
    return rows[0]?.size ?? 0;
  }

  const loop = every(
    clock,
    () => LOOK_MS,
    async () => {
      if (waiting.size === 0) return;
      const now = await readSize();
      if (now === size) return;
      size = now;
      for (const wake of waiting) wake();
    },
    (error) => {
      log.debug('whether the log has grown is not known', { error: describeError(error) });
    },
  );

  /** Waits until there are more entries than `end`. */
  function growth(end: number, signal: AbortSignal): Promise<void> {
    if (size > end || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      waiting.add(wake);
      signal.addEventListener('abort', wake);
    });
  }

  async function* read(
    filter: EventFilter,
    afterSeq: number,
    signal: AbortSignal,
  ): AsyncGenerator<StoredEvent, void, undefined> {
    const isOver = (): boolean => signal.aborted;
    let from = afterSeq;
    while (!isOver()) {
      const page = await readEventPage(reader, filter, from, { events: PAGE_EVENTS });
      for (const event of page.events) {
        if (isOver()) return;
        if (event.type !== OF_STREAMS || filter.type === OF_STREAMS) yield event;
      }
      from = page.end;
      if (page.lookedThrough === undefined) await growth(from + 1, signal);
      else await clock.sleep(PAGE_REST_MS, signal).catch(() => undefined);
    }
  }

  return {
    async follow(filter, afterSeq, signal) {
      return read(filter, afterSeq ?? (await readSize()) - 1, signal);
    },
    stop: () => loop.stop(),
  };
}
