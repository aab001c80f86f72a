import { auditEvent } from '@aduana/client/audit/event-catalogue';
import type { AuditSink } from '@aduana/client/audit/audit-sink';
import type { Clock } from '@aduana/core/platform/clock';
import { countedNetwork } from '@aduana/core/platform/counted-network';
import { uuidv7 } from '@aduana/core/platform/ids';
import { describeError } from '@aduana/core/platform/log';
import type { Platform } from '@aduana/core/platform/platform';
import { ANONYMOUS, type AuditRecord } from '@aduana/client/audit/audit-event';

/** Refusals of callers whom nobody knows, once there are too many of them to record each. */
export interface AnonymousFlood {
  /**
   * Counts one refusal; resolves once the event that stands for it is durable.
   *
   * @returns undefined while it is to be recorded alone; else the event that stands for it, and when the minute ends
   * @throws SecurityError `AUDIT_UNAVAILABLE`; the next event of the minute counts it as well
   */
  count(
    address: string,
  ): Promise<{ readonly eventId: string; readonly retryAfterSeconds: number } | undefined>;
  /** Records how many were counted since their first. */
  flush(): Promise<void>;
}

export interface AnonymousFloodOptions {
  readonly limitPerMinute: number | 'off';
  readonly clock: Clock;
  readonly record: (record: AuditRecord) => Promise<unknown>;
  readonly onError: (error: unknown) => void;
}

const MINUTE_MS = 60_000;
const MAX_SOURCES = 256;
const MAX_UNSETTLED = 1024;
const OTHERS = 'others';

/**
 * Keeps who is not authenticated from filling the log: beyond the limit, refusals are counted by source and minute. The
 * first is recorded before it is answered, the others with the end of the minute: the counts of the events add up, and
 * an event that no later one `settles` is of a count that a crash has ended.
 */
export function createAnonymousFlood(options: AnonymousFloodOptions): AnonymousFlood {
  const { limitPerMinute, clock } = options;
  let minute = -1;
  let seen = 0;
  let windows = new Map<string, FloodWindow>();
  /** Of ended minutes, whose count could not be recorded yet. */
  let unsettled: FloodWindow[] = [];

  async function count(address: string): ReturnType<AnonymousFlood['count']> {
    const source = countedNetwork(address);
    const now = clock.now();
    const current = Math.floor(now / MINUTE_MS);
    if (current !== minute) {
      flush().catch(options.onError);
      minute = current;
      seen = 0;
    }
    seen += 1;
    if (limitPerMinute === 'off' || seen <= limitPerMinute) return undefined;
    const untilNext = (current + 1) * MINUTE_MS - now;
    if (windows.size === 0) clock.after(untilNext, () => void flush().catch(options.onError));
    const key = windows.has(source) || windows.size < MAX_SOURCES ? source : OTHERS;
    const began = new Date(current * MINUTE_MS).toISOString();
    const window = windows.get(key) ?? new FloodWindow(key, began, uuidv7(now), options.record);
    windows.set(key, window);
    await window.count();
    return { eventId: window.eventId, retryAfterSeconds: Math.ceil(untilNext / 1000) };
  }

  async function flush(): Promise<void> {
    const ended = [...unsettled, ...windows.values()];
    windows = new Map();
    unsettled = [];
    const failures: unknown[] = [];
    await Promise.all(
      ended.map((window) =>
        window.settle().catch((error: unknown) => {
          failures.push(error);
          if (window.isOpen && unsettled.length < MAX_UNSETTLED) unsettled.push(window);
        }),
      ),
    );
    if (failures.length > 0) throw failures[0];
  }

  return { count, flush };
}

/** As `createAnonymousFlood`, recording in a service's audit log; what cannot be recorded is logged. */
export function openAnonymousFlood(
  limitPerMinute: number | 'off',
  audit: AuditSink,
  { clock, log }: Pick<Platform, 'clock' | 'log'>,
): AnonymousFlood {
  return createAnonymousFlood({
    limitPerMinute,
    clock,
    record: (record) => audit.record(record),
    onError: (error) => {
      log.error('a flood could not be recorded', { error: describeError(error) });
    },
  });
}

/** One source in one minute. */
class FloodWindow {
  readonly eventId: string;
  readonly #source: string;
  /** RFC 3339. */
  readonly #minute: string;
  readonly #record: AnonymousFloodOptions['record'];
  /** Counted, and in no event yet. */
  #count = 0;
  /** The first event, under way or durable. */
  #opened: Promise<void> | undefined;

  constructor(source: string, minute: string, eventId: string, record: AnonymousFloodOptions['record']) {
    this.#source = source;
    this.#minute = minute;
    this.eventId = eventId;
    this.#record = record;
  }

  /** Whether answers bear its id. */
  get isOpen(): boolean {
    return this.#opened !== undefined;
  }

  async count(): Promise<void> {
    this.#count += 1;
    await (this.#opened ??= this.#open());
  }

  async settle(): Promise<void> {
    await (this.#opened ??= this.#open());
    await this.#recordCount({}, { settles: this.eventId });
  }

  async #open(): Promise<void> {
    try {
      await this.#recordCount({ id: this.eventId }, {});
    } catch (error) {
      this.#opened = undefined;
      throw error;
    }
  }

  async #recordCount(id: Pick<AuditRecord, 'id'>, settles: { readonly settles?: string }): Promise<void> {
    const count = this.#count;
    this.#count = 0;
    try {
      await this.#record({
        ...id,
        ...auditEvent('request.flood', {
          source_address: this.#source,
          minute: this.#minute,
          count,
          ...settles,
        }),
        outcome: 'DENIED',
        actor: ANONYMOUS,
      });
    } catch (error) {
      this.#count += count;
      throw error;
    }
  }
}
