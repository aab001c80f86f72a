import { ConfigurationError } from '@aduana/core/errors/configuration-error';
import { SecurityError } from '@aduana/core/errors/security-error';
import type { Clock } from '@aduana/core/platform/clock';
import type { Log } from '@aduana/core/platform/log';
import type { RowSeals } from '@aduana/server-kit/seals/row-seals';
import type { Database } from '@aduana/server-kit/store/database';
import { readKeySet } from './keys/key-store.ts';
import { acceptFeed } from './status/adopt-feed.ts';
import { createStatusFeed, readStoredFeed, type StatusFeed } from './status/status-feed.ts';
import { appendStatus } from './status/status-rows.ts';

export interface StatusFeedOptions {
  readonly database: Database;
  readonly seals: RowSeals;
  /** Names the state of the tables with which somebody goes on, whatever is missing. */
  readonly accepted: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

const LOCK = 'status-feed';

/** @throws ConfigurationError where the tables do not hold the whole feed: nothing else knows what was revoked */
export async function openStatusFeed(options: StatusFeedOptions): Promise<StatusFeed> {
  const { database, seals, accepted } = options;
  const feed = createStatusFeed(database, seals);
  try {
    await feed.check();
  } catch (error) {
    if (!(error instanceof SecurityError)) throw error;
    const { digest } = await readStoredFeed(database);
    if (digest !== accepted) throw brokenFeed(error.detail ?? error.code, digest);
    await accept(options);
    await feed.check();
  }
  return feed;
}

async function accept({ database, seals, accepted, clock, log }: StatusFeedOptions): Promise<void> {
  await database.exclusively(LOCK, async (transaction) => {
    const stored = await readStoredFeed(transaction);
    if (stored.digest !== accepted) return; // another replica has
    await acceptFeed(transaction, stored, seals);
    const keys = (await readKeySet(transaction, seals))?.set.keys ?? [];
    for (const { kid, state } of keys)
      if (state === 'REVOKED')
        await appendStatus(transaction, `key:${kid}`, { kind: 'key_revoked', kid }, clock.now(), seals);
    log.warn('the status feed goes on without what is missing, as STATUS_FEED_ACCEPT says');
  });
  await seals.latest.save();
}

function brokenFeed(problem: string, digest: string): ConfigurationError {
  return new ConfigurationError([
    {
      subject: 'sts.status_entries',
      problem,
      remedy:
        `Restore the database with the rows that are missing. If they are lost, start once with STATUS_FEED_ACCEPT=${digest}, ` +
        'then start the admin service again, which sends suspensions and revocations anew, and revoke single tokens again; ' +
        'see "Sealed rows" in docs/secrets.md',
    },
  ]);
}
