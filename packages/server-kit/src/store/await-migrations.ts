import type { Clock } from '@aduana/core/platform/clock';
import type { Log } from '@aduana/core/platform/log';
import type { Database } from './database.ts';
import { StatementError } from './database-error.ts';
import { EDITED, type MigrateOptions, missingMigrations } from './migrate.ts';

export interface AwaitMigrationsOptions extends Pick<MigrateOptions, 'schema' | 'roles' | 'migrations'> {
  readonly clock: Clock;
  readonly log: Log;
  /** Ends the wait: it rejects then. */
  readonly signal?: AbortSignal | undefined;
}

const PAUSE_MS = 1_000;
const REMIND_MS = 60_000;

/**
 * Waits until somebody else has brought the schema up to date, and says in the log what to run.
 *
 * @param database works as the service's writer, which does not exist before
 * @throws StatementError when an applied migration was edited
 */
export async function awaitMigrations(database: Database, options: AwaitMigrationsOptions): Promise<void> {
  const { schema, clock, log, signal } = options;
  let remindAt = -Infinity;
  for (;;) {
    const missing = await whatIsMissing(database, options);
    if (missing === undefined) return;
    if (clock.monotonic() >= remindAt) {
      remindAt = clock.monotonic() + REMIND_MS;
      log.warn('the service waits, live and not ready, until its schema is migrated', {
        schema,
        missing,
        remedy: 'Run `aduana migrate` with MIGRATION_DATABASE_URL, a login that may migrate',
      });
    }
    await clock.sleep(PAUSE_MS, signal);
    signal?.throwIfAborted();
  }
}

/** In a few words; undefined where nothing is missing. */
async function whatIsMissing(
  database: Database,
  options: AwaitMigrationsOptions,
): Promise<string | undefined> {
  try {
    const missing = await missingMigrations(database, options);
    return missing.length === 0 ? undefined : missing.map(({ name }) => name).join(', ');
  } catch (error) {
    if (error instanceof StatementError && error.sqlState === EDITED) throw error;
    return error instanceof Error ? error.message : String(error);
  }
}
