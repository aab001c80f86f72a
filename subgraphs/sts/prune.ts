import { every, type Repeating } from '@aduana/core/platform/every';
import { jitter } from '@aduana/core/platform/ids';
import { describeError } from '@aduana/core/platform/log';
import type { Platform } from '@aduana/core/platform/platform';
import type { RowSeals } from '@aduana/server-kit/seals/row-seals';
import type { Database } from '@aduana/server-kit/store/database';
import type { StatusFeed } from './status/status-feed.ts';
import { pruneStatus } from './status/status-rows.ts';

const PAUSE_MS = 60_000;
const KEEP_MS = { expired: 60_000, idempotency: 86_400_000, failures: 600_000 } as const;

/** Forgets what can never be asked again: expired tokens, assertions, revocations and old counts. */
export async function prune(database: Database, seals: RowSeals, now: number): Promise<void> {
  await database.query('DELETE FROM issued_tokens WHERE expires_at < $1', [now - KEEP_MS.expired]);
  await database.query('DELETE FROM seen_assertions WHERE expires_at < $1', [now - KEEP_MS.expired]);
  await database.query('DELETE FROM idempotency WHERE at < $1', [now - KEEP_MS.idempotency]);
  await database.query('DELETE FROM failed_authentications WHERE time_window < $1', [
    Math.floor((now - KEEP_MS.failures) / 60_000),
  ]);
  await database.transaction((transaction) => pruneStatus(transaction, now - KEEP_MS.expired, seals));
}

/** Prunes, and looks at what is left of the status feed, in which nothing may be missing. */
export function keepPruned(
  database: Database,
  feed: Pick<StatusFeed, 'check'>,
  seals: RowSeals,
  { clock, log }: Pick<Platform, 'clock' | 'log'>,
): Repeating {
  const run = async (): Promise<void> => {
    await prune(database, seals, clock.now());
    await feed.check();
  };
  return every(
    clock,
    () => PAUSE_MS * jitter(0.3),
    run,
    (error) => {
      log.warn('what has expired could not be removed, or the status feed is not whole', {
        error: describeError(error),
      });
    },
  );
}
