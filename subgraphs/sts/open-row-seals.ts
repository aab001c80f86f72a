import type { Log } from '@aduana/core/platform/log';
import type { ServicePlatform } from '@aduana/server-kit/http/service-platform';
import { ensureSecret } from '@aduana/server-kit/secrets/ensure-secret';
import type { SecretProvider } from '@aduana/server-kit/secrets/secret-provider';
import { type SharedSecretsOptions, shareSecrets } from '@aduana/server-kit/secrets/shared-secrets';
import type { Database, Queryable } from '@aduana/server-kit/store/database';
import { sealOlderSecrets } from './clients/client-secret-store.ts';
import { sealOlderKeys } from './keys/key-store.ts';
import { acceptFeed, sealOlderFeed } from './status/adopt-feed.ts';
import { readStoredFeed } from './status/status-feed.ts';
import { FEED } from './status/status-rows.ts';
import { createForgedRows } from '@aduana/server-kit/seals/forged-rows';
import {
  beginLatestVersions,
  type LatestVersions,
  readLatestVersions,
} from '@aduana/server-kit/seals/latest-versions';
import { createRowSeals, createSeals, type RowSeals } from '@aduana/server-kit/seals/row-seals';

const KEY = 'sts/row-seal-key';
const LOCK = 'row-seals';

export interface RowSealsOptions {
  readonly database: Database;
  readonly secrets: SecretProvider;
  readonly log: Log;
}

/**
 * Opens the seals with their key of the secret provider. Rows of a release without seals are sealed once, and that is
 * noted in the provider: whoever may only write to the database cannot have it done again.
 */
export async function openRowSeals(options: RowSealsOptions): Promise<RowSeals> {
  const { secrets, log } = options;
  const key = (await ensureSecret(secrets, KEY)).revealBytes();
  const latest = (await readLatestVersions(secrets, log)) ?? (await sealOnce(key, options));
  const seals = createRowSeals(key, latest, createForgedRows(log));
  if (latest.known().has(FEED)) await beginFeedOfNewDatabase(seals, options);
  else await sealFeedOnce(seals, options);
  return seals;
}

/**
 * The key of the seals belongs to the rows, not to a replica's home.
 *
 * @throws ConfigurationError where this home has another one
 */
export function shareSealKey(
  database: Database,
  { secrets, clock, log }: Pick<ServicePlatform, 'secrets' | 'clock' | 'log'>,
): Promise<() => Promise<void>> {
  return shareSecrets({ database, secrets, clock, log, names: [KEY], fits });

  async function fits(transaction: Parameters<SharedSecretsOptions['fits']>[0]): Promise<boolean> {
    const { rows } = await transaction.query<{ generation: string | number; seal: string | null }>(
      'SELECT generation, seal FROM key_generation',
    );
    const [row] = rows;
    if (row?.seal == null) return true; // rows of a release without seals, or none
    const key = await secrets.get(KEY, { fresh: true });
    if (key === undefined) return false;
    const seals = createSeals(key.value.revealBytes());
    return seals.holds('key_generation', [Number(row.generation)], row.seal);
  }
}

/** The note comes after the seals are committed: a start that dies between the two leaves sealed rows, which is seen. */
async function sealOnce(
  key: Uint8Array,
  { database, secrets, log }: RowSealsOptions,
): Promise<LatestVersions> {
  const versions = new Map<string, number>();
  const collected = {
    known: () => versions,
    note: (set: string, version: number) => void versions.set(set, version),
    save: () => Promise.resolve(),
  };
  const seals = createRowSeals(key, collected, createForgedRows(log));
  const sealed = await database.exclusively(LOCK, async (transaction) =>
    (await readLatestVersions(secrets, log)) !== undefined || (await hasSeals(transaction))
      ? 0
      : (await sealOlderKeys(transaction, seals)) + (await sealOlderSecrets(transaction, seals)),
  );
  if (sealed > 0) log.warn('rows of a release without seals were sealed, once', { rows: sealed });
  return beginLatestVersions(versions, secrets, log);
}

/** As `sealOnce`, for the status feed, which had no seals while keys and secrets had some. */
async function sealFeedOnce(seals: RowSeals, { database, secrets, log }: RowSealsOptions): Promise<void> {
  const sealed = await database.exclusively(LOCK, async (transaction) =>
    (await readLatestVersions(secrets, log))?.known().has(FEED) === true
      ? 0
      : sealOlderFeed(transaction, seals),
  );
  if (sealed > 0) log.warn('the status feed of a release without seals was sealed, once', { rows: sealed });
  await seals.latest.save();
}

/**
 * A database without anything of an STS is a new one of this installation (the embedded one was left, for instance): its feed
 * goes on after the last number. Whoever empties all of the tables to have that ends every key and token as well.
 */
async function beginFeedOfNewDatabase(seals: RowSeals, { database, log }: RowSealsOptions): Promise<void> {
  const isBegun = await database.exclusively(LOCK, async (transaction) => {
    const { rows } = await transaction.query<{ empty: boolean }>(
      `SELECT NOT EXISTS (SELECT 1 FROM status_head WHERE seq <> 0 OR seal IS NOT NULL)
          AND NOT EXISTS (SELECT 1 FROM status_entries) AND NOT EXISTS (SELECT 1 FROM signing_keys)
          AND NOT EXISTS (SELECT 1 FROM key_generation) AND NOT EXISTS (SELECT 1 FROM client_secrets) AS empty`,
    );
    if (rows[0]?.empty !== true) return false;
    await acceptFeed(transaction, await readStoredFeed(transaction), seals);
    return true;
  });
  if (isBegun)
    log.warn('this database has nothing of the STS, which had another one before', {
      remedy:
        'Start the admin service again where it kept its tables: it sends suspensions and revocations anew',
    });
}

async function hasSeals(transaction: Queryable): Promise<boolean> {
  const { rows } = await transaction.query<{ sealed: boolean }>(
    `SELECT EXISTS (SELECT 1 FROM signing_keys WHERE seal IS NOT NULL)
         OR EXISTS (SELECT 1 FROM key_generation WHERE seal IS NOT NULL)
         OR EXISTS (SELECT 1 FROM client_secrets WHERE seal IS NOT NULL) AS sealed`,
  );
  return rows[0]?.sealed === true;
}
