import type { Clock } from '../platform/clock.ts';
import { uuidv7 } from '../platform/ids.ts';
import { ANONYMOUS, type AuditRecord } from './audit-event.ts';

/** Refusals of callers whom nobody knows, once there are too many of them to record each. */
export interface AnonymousFlood {
  /**
   * Counts one refusal.
   *
   * @returns undefined while it is to be recorded alone; else the event that will count it, and when the minute ends
   */
  count(source: string): { readonly eventId: string; readonly retryAfterSeconds: number } | undefined;
  /** Records what was counted so far. */
  flush(): Promise<void>;
}

export interface AnonymousFloodOptions {
  readonly limitPerMinute: number | 'off';
  readonly clock: Clock;
  readonly record: (record: AuditRecord) => Promise<unknown>;
  readonly onError: (error: unknown) => void;
}

interface Counted {
  readonly eventId: string;
  count: number;
}

const MINUTE_MS = 60_000;
const MAX_SOURCES = 256;
const OTHERS = 'others';

/** Keeps who is not authenticated from filling the log: beyond the limit, refusals are counted by source and minute. */
export function createAnonymousFlood(options: AnonymousFloodOptions): AnonymousFlood {
  const { limitPerMinute, clock } = options;
  let minute = -1;
  let seen = 0;
  let sources = new Map<string, Counted>();

  function count(source: string): ReturnType<AnonymousFlood['count']> {
    const now = clock.now();
    const current = Math.floor(now / MINUTE_MS);
    if (current !== minute) {
      flush().catch(options.onError);
      minute = current;
      seen = 0;
    }
    seen += 1;
    if (limitPerMinute === 'off' || seen <= limitPerMinute) return undefined;
    if (sources.size === 0)
      clock.after((current + 1) * MINUTE_MS - now, () => void flush().catch(options.onError));
    const key = sources.has(source) || sources.size < MAX_SOURCES ? source : OTHERS;
    const counted = sources.get(key) ?? { eventId: uuidv7(now), count: 0 };
    counted.count += 1;
    sources.set(key, counted);
    const retryAfterSeconds = Math.ceil(((current + 1) * MINUTE_MS - now) / 1000);
    return { eventId: counted.eventId, retryAfterSeconds };
  }

  async function flush(): Promise<void> {
    const counted = sources;
    const began = new Date(minute * MINUTE_MS);
    sources = new Map();
    await Promise.all(
      [...counted].map(([source, { eventId, count: refusals }]) =>
        options.record({
          id: eventId,
          type: 'request.flood',
          class_uid: 3002,
          outcome: 'DENIED',
          actor: ANONYMOUS,
          detail: { source_address: source, minute: began.toISOString(), count: refusals },
        }),
      ),
    );
  }

  return { count, flush };
}
