import type { Database } from '@aduana/server-kit/store/database';

const HASH_BYTES = 32;

/** The leaf hashes of entries `from` up to, not including, `to`; fewer where one is missing: those before it. */
export async function readLeaves(reader: Database, from: number, to: number): Promise<readonly Buffer[]> {
  // as one value: a row for each leaf costs more than to hash it
  const { rows } = await reader.query<{ hashes: Buffer | null }>(
    `SELECT string_agg(leaf_hash, ''::bytea ORDER BY seq) AS hashes FROM (
       SELECT seq, leaf_hash, row_number() OVER (ORDER BY seq) AS number FROM entries WHERE seq >= $1 AND seq < $2
     ) found WHERE seq = $1::bigint - 1 + number`,
    [from, to],
  );
  const hashes = rows[0]?.hashes ?? Buffer.alloc(0);
  return Array.from({ length: hashes.length / HASH_BYTES }, (_, at) =>
    hashes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES),
  );
}
