import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock } from '@aduana/core/platform/clock';

/** How many assertions of a client one replica remembers as used in a minute. */
export interface AssertionRate {
  /**
   * Lets a client spend an assertion. One that could not be spent does not count: who replays a client's assertions takes
   * nothing from it.
   *
   * @throws SecurityError `slow_down`, with when to try again
   */
  spend(client: string, spend: () => Promise<boolean>): Promise<boolean>;
}

interface Minute {
  readonly endsAt: number;
  spent: number;
}

const MINUTE_MS = 60_000;

/** Clients are services of the policies, so their minutes are bounded. */
export function createAssertionRate(perMinute: number | 'off', clock: Clock): AssertionRate {
  const minutes = new Map<string, Minute>();

  const minuteOf = (client: string): Minute => {
    const now = clock.monotonic();
    const known = minutes.get(client);
    if (known !== undefined && known.endsAt > now) return known;
    const minute = { endsAt: now + MINUTE_MS, spent: 0 };
    minutes.set(client, minute);
    return minute;
  };

  return {
    async spend(client, spend) {
      const minute = minuteOf(client);
      if (perMinute !== 'off' && minute.spent >= perMinute)
        throw new SecurityError('slow_down', {
          detail: `more assertions of ${client} than TOKEN_RATE_PER_MINUTE`,
          retryAfterSeconds: Math.ceil((minute.endsAt - clock.monotonic()) / 1000),
        });
      minute.spent += 1;
      let isSpent = false;
      try {
        isSpent = await spend();
      } finally {
        if (!isSpent) minute.spent -= 1;
      }
      return isSpent;
    },
  };
}
