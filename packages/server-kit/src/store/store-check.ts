import type { Clock } from '@aduana/core/platform/clock';
import { createSingleFlight } from '@aduana/core/platform/single-flight';
import { within } from '@aduana/core/platform/within';
import type { Database } from './database.ts';

const PATIENCE_MS = 1500;

/** Whether a database answers and takes writes, in a few words for `/health`: within two seconds, with one query at a time. */
export function createStoreCheck(database: Database, clock: Clock): () => Promise<string> {
  const ask = createSingleFlight<boolean>();
  const isReadOnly = async (): Promise<boolean> => {
    const { rows } = await database.query<{ read_only: string }>(
      `SELECT current_setting('transaction_read_only') AS read_only`,
    );
    return rows[0]?.read_only === 'on';
  };
  const late = (): Error => new Error('the database does not answer in time');
  return () =>
    within(clock, PATIENCE_MS, late, () => ask('', isReadOnly)).then(
      (readOnly) => (readOnly ? 'the database is read-only' : 'ok'),
      () => 'the database does not answer',
    );
}
