import { every, type Repeating } from '@aduana/core/platform/every';
import { jitter } from '@aduana/core/platform/ids';
import { describeError } from '@aduana/core/platform/log';
import type { Platform } from '@aduana/core/platform/platform';
import type { Database } from '@aduana/core/store/database';

const PAUSE_MS = 60_000;
const KEEP_MS = { expired: 60_000, idempotency: 86_400_000, failures: 600_000 } as const;

/** Forgets what can never be asked again: expired tokens, assertions, revocations and old counts. */
export async function prune(database: Database, now: number): Promise<void> {
  await database.query('DELETE FROM issued_tokens WHERE expires_at < $1', [now - KEEP_MS.expired]);
  await database.query('DELETE FROM seen_assertions WHERE expires_at < $1', [now - KEEP_MS.expired]);
  await database.query('DELETE FROM status_entries WHERE until < $1', [now - KEEP_MS.expired]);
  await database.query('DELETE FROM idempotency WHERE at < $1', [now - KEEP_MS.idempotency]);
  await database.query('DELETE FROM failed_authentications WHERE time_window < $1', [
    Math.floor((now - KEEP_MS.failures) / 60_000),
  ]);
}

export function keepPruned(database: Database, { clock, log }: Pick<Platform, 'clock' | 'log'>): Repeating {
  return every(clock, () => PAUSE_MS * jitter(0.3), () => prune(database, clock.now()), (error) => {
    log.warn('what has expired could not be removed', { error: describeError(error) });
  }); // prettier-ignore
}
