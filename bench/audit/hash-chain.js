import { createHash } from 'node:crypto';
import { uuidv7 } from '@aduana/core/platform/ids';
import { admitEvents } from '../../dist/subgraphs/audit/log/admit-events.js';
import { eventOf } from './event-record.js';

const SCHEMA = [
  'CREATE TABLE chain_head (one boolean PRIMARY KEY DEFAULT true, seq bigint NOT NULL, hash bytea NOT NULL)',
  'CREATE TABLE chain (seq bigint PRIMARY KEY, hash bytea NOT NULL, event text NOT NULL)',
  `INSERT INTO chain_head (seq, hash) VALUES (0, '')`,
  `CREATE FUNCTION chain_event(event text) RETURNS void LANGUAGE plpgsql AS $body$
   DECLARE
     head chain_head;
   BEGIN
     SELECT * INTO head FROM chain_head FOR UPDATE;
     head.hash := sha256(head.hash || convert_to(event, 'UTF8'));
     INSERT INTO chain (seq, hash, event) VALUES (head.seq + 1, head.hash, event);
     UPDATE chain_head SET seq = head.seq + 1, hash = head.hash;
   END $body$`,
];

/**
 * What a log usually does: each event locks the last one's row and hashes it in, with the durability and the text of
 * ours. `inService` is a transaction of the service, `inDatabase` one call of a function.
 */
export async function createHashChain(database) {
  for (const statement of SCHEMA) await database.query(statement);
  const [{ canonical: event }] = await admitEvents('gateway', [eventOf(0, uuidv7(0))], undefined);
  return {
    inService: (seconds, inFlight) => rateOf(seconds, inFlight, () => appendInService(database, event)),
    inDatabase: (seconds, inFlight) =>
      rateOf(seconds, inFlight, () => database.query('SELECT chain_event($1)', [event])),
  };
}

/** Events per second. */
async function rateOf(seconds, inFlight, append) {
  const began = performance.now();
  const end = began + seconds * 1000;
  let count = 0;
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (performance.now() < end)
        await append().then(
          () => (count += 1),
          () => undefined, // no connection in time: that one is not counted
        );
    }),
  );
  return (count * 1000) / (performance.now() - began);
}

function appendInService(database, event) {
  return database.transaction(async (transaction) => {
    const { rows } = await transaction.query('SELECT seq, hash FROM chain_head FOR UPDATE');
    const [head] = rows;
    const hash = createHash('sha256').update(head.hash).update(event).digest();
    const seq = head.seq + 1;
    await transaction.query('INSERT INTO chain (seq, hash, event) VALUES ($1, $2, $3)', [seq, hash, event]);
    await transaction.query('UPDATE chain_head SET seq = $1, hash = $2', [seq, hash]);
  });
}
