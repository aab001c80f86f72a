import type { Clock } from '../platform/clock.ts';
import { createSingleFlight } from '../platform/single-flight.ts';
import { within } from '../platform/within.ts';
import type { Database } from './database.ts';

const PATIENCE_MS = 1500;

/** Whether a database answers, in a few words for `/health`: within two seconds, and with one question at a time. */
export function createStoreCheck(database: Database, clock: Clock): () => Promise<string> {
  const ask = createSingleFlight<unknown>();
  const late = (): Error => new Error('the database does not answer in time');
  return () =>
    within(clock, PATIENCE_MS, late, () => ask('', () => database.query('SELECT 1'))).then(
      () => 'ok',
      () => 'the database does not answer',
    );
}
