import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock } from '@aduana/core/platform/clock';

/** How many events this replica takes of one service within a minute. */
export interface SourceRate {
  /**
   * Counts events that a service posts, whatever becomes of them. The last post of a minute may exceed the rate.
   *
   * @param events 0: only asks whether more are taken
   * @throws SecurityError `RATE_LIMITED`, with when the minute ends
   */
  take(peer: string, events: number): void;
}

interface Minute {
  /** Monotonic milliseconds. */
  readonly endsAt: number;
  taken: number;
}

const MINUTE_MS = 60_000;

/** Peers are services of the policies, so their minutes are bounded. */
export function createSourceRate(perMinute: number | 'off', clock: Clock): SourceRate {
  const minutes = new Map<string, Minute>();

  function minuteOf(peer: string, now: number): Minute {
    const known = minutes.get(peer);
    if (known !== undefined && known.endsAt > now) return known;
    const minute = { endsAt: now + MINUTE_MS, taken: 0 };
    minutes.set(peer, minute);
    return minute;
  }

  return {
    take(peer, events) {
      if (perMinute === 'off') return;
      const now = clock.monotonic();
      const minute = minuteOf(peer, now);
      if (minute.taken >= perMinute)
        throw new SecurityError('RATE_LIMITED', {
          detail: `more events of ${peer} than AUDIT_EVENTS_PER_MINUTE`,
          retryAfterSeconds: Math.ceil((minute.endsAt - now) / 1000),
        });
      minute.taken += events;
    },
  };
}
