import { SecurityError } from '@aduana/core/errors/security-error';
import { createBoundedCache } from '@aduana/core/platform/bounded-cache';
import type { Clock } from '@aduana/core/platform/clock';
import { sha256Base64url } from '@aduana/core/platform/digest';
import type { Database } from '@aduana/server-kit/store/database';

/** Bounds failed guesses of client secrets per client and source, and per source, for all replicas together. */
export interface AttemptLimit {
  /**
   * What this replica knows without asking the store.
   *
   * @throws SecurityError `RATE_LIMITED`
   */
  assertNotLocked(client: string, source: string): void;
  /**
   * Counts a failure before anything is compared, so that of many attempts at once none passes the limit uncounted.
   *
   * @throws SecurityError `RATE_LIMITED`
   */
  reserve(client: string, source: string): Promise<Attempt>;
}

/** An attempt that is counted as a failure until it succeeds. */
export interface Attempt {
  failed(): void;
  succeeded(): Promise<void>;
}

interface Counted {
  readonly client: string;
  readonly failures: number;
}

const WINDOW_MS = 60_000;
const MOST_FAILURES = { client: 20, source: 200 } as const;
/** Stands for all clients of a source; the others are hashes. */
const ANY_CLIENT = 'any';

export function createAttemptLimit(database: Database, clock: Clock): AttemptLimit {
  const locked = createBoundedCache<true>(clock, 10_000);

  const windowNow = (): number => Math.floor(clock.now() / WINDOW_MS);
  const windowEnd = (): number => (windowNow() + 1) * WINDOW_MS;
  const refuse = (): never => {
    throw new SecurityError('RATE_LIMITED', {
      detail: 'too many failed authentications',
      retryAfterSeconds: (windowEnd() - clock.now()) / 1000,
    });
  };
  const lock = (rows: readonly Counted[], source: string, reaches: (limit: number) => number): void => {
    for (const { client, failures } of rows) {
      const limit = client === ANY_CLIENT ? MOST_FAILURES.source : MOST_FAILURES.client;
      if (failures >= reaches(limit)) locked.set(`${client} ${source}`, true, windowEnd());
    }
  };
  const assertNotLocked = (client: string, source: string): void => {
    for (const one of [sha256Base64url(client), ANY_CLIENT])
      if (locked.get(`${one} ${source}`) === true) refuse();
  };

  return {
    assertNotLocked,
    async reserve(client, source) {
      const key = [source, windowNow(), sha256Base64url(client), ANY_CLIENT];
      const { rows } = await database.query<Counted>(
        `INSERT INTO failed_authentications (client, source, time_window, failures)
         VALUES ($3, $1, $2, 1), ($4, $1, $2, 1)
         ON CONFLICT (client, source, time_window)
         DO UPDATE SET failures = failed_authentications.failures + 1 RETURNING client, failures`,
        key,
      );
      lock(rows, source, (limit) => limit + 1);
      assertNotLocked(client, source);
      return {
        failed: () => {
          lock(rows, source, (limit) => limit);
        },
        async succeeded() {
          await database.query(
            `UPDATE failed_authentications SET failures = failures - 1
             WHERE source = $1 AND time_window = $2 AND client IN ($3, $4)`,
            key,
          );
        },
      };
    },
  };
}
