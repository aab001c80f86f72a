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
  /** @throws SecurityError `RATE_LIMITED` */
  assertAllowed(client: string, source: string): Promise<void>;
  countFailure(client: string, source: string): Promise<void>;
  /** One guess after the other for a client and a source: of many at once, none is compared that the limit refuses. */
  inTurn<Result>(client: string, source: string, guess: () => Promise<Result>): Promise<Result>;
}

const WINDOW_MS = 60_000;
const MOST_FAILURES = { client: 20, source: 200 } as const;
/** Stands for all clients of a source; the others are hashes. */
const ANY_CLIENT = 'any';

export function createAttemptLimit(database: Database, clock: Clock): AttemptLimit {
  const locked = createBoundedCache<true>(clock, 10_000);
  const turns = new Map<string, Promise<unknown>>();

  const windowNow = (): number => Math.floor(clock.now() / WINDOW_MS);
  const windowEnd = (): number => (windowNow() + 1) * WINDOW_MS;
  const refuse = (): never => {
    throw new SecurityError('RATE_LIMITED', {
      detail: 'too many failed authentications',
      retryAfterSeconds: (windowEnd() - clock.now()) / 1000,
    });
  };
  const note = (client: string, source: string, failures: number): void => {
    if (failures >= (client === ANY_CLIENT ? MOST_FAILURES.source : MOST_FAILURES.client))
      locked.set(`${client} ${source}`, true, windowEnd());
  };
  const assertNotLocked = (client: string, source: string): void => {
    for (const one of [sha256Base64url(client), ANY_CLIENT])
      if (locked.get(`${one} ${source}`) === true) refuse();
  };

  return {
    assertNotLocked,
    inTurn(client, source, guess) {
      const key = `${sha256Base64url(client)} ${source}`;
      const turn = (turns.get(key) ?? Promise.resolve()).then(guess);
      const over = turn
        .catch(() => undefined)
        .then(() => {
          if (turns.get(key) === over) turns.delete(key);
        });
      turns.set(key, over);
      return turn;
    },
    async assertAllowed(client, source) {
      const { rows } = await database.query<{ client: string; failures: number }>(
        `SELECT client, failures FROM failed_authentications
         WHERE source = $1 AND time_window = $2 AND client IN ($3, $4)`,
        [source, windowNow(), sha256Base64url(client), ANY_CLIENT],
      );
      for (const row of rows) note(row.client, source, row.failures);
      assertNotLocked(client, source);
    },
    async countFailure(client, source) {
      const { rows } = await database.query<{ client: string; failures: number }>(
        `INSERT INTO failed_authentications (client, source, time_window, failures)
         VALUES ($3, $1, $2, 1), ($4, $1, $2, 1)
         ON CONFLICT (client, source, time_window)
         DO UPDATE SET failures = failed_authentications.failures + 1 RETURNING client, failures`,
        [source, windowNow(), sha256Base64url(client), ANY_CLIENT],
      );
      for (const row of rows) note(row.client, source, row.failures);
    },
  };
}
