import { createHash } from 'node:crypto';
/** What a log usually does: each event locks the last one's row, and hashes it in. Events per second. */ export async function hashChainRate(
  database,
  seconds,
  inFlight,
) {
  await database.query(
    'CREATE TABLE chain_head (one boolean PRIMARY KEY DEFAULT true, seq bigint NOT NULL, hash bytea NOT NULL)',
  );
  await database.query(
    'CREATE TABLE chain (seq bigint PRIMARY KEY, hash bytea NOT NULL, event text NOT NULL)',
  );
  await database.query(`INSERT INTO chain_head (seq, hash) VALUES (0, '')`);
  const event = JSON.stringify({
    filler: 'x'.repeat(600),
  });
  const end = performance.now() + seconds * 1000;
  let count = 0;
  await Promise.all(
    Array.from(
      {
        length: inFlight,
      },
      async () => {
        while (performance.now() < end) {
          await database
            .transaction(async (transaction) => {
              const { rows } = await transaction.query('SELECT seq, hash FROM chain_head FOR UPDATE');
              const [head] = rows;
              const hash = createHash('sha256')
                .update(head?.hash ?? '')
                .update(event)
                .digest();
              const seq = (head?.seq ?? 0) + 1;
              await transaction.query('INSERT INTO chain (seq, hash, event) VALUES ($1, $2, $3)', [
                seq,
                hash,
                event,
              ]);
              await transaction.query('UPDATE chain_head SET seq = $1, hash = $2', [seq, hash]);
              count += 1;
            })
            .catch(() => undefined); // no connection in time: that one is not counted
        }
      },
    ),
  );
  return count / seconds;
}
