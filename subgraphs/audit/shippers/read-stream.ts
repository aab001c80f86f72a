import type { Database } from '@aduana/server-kit/store/database';
import type { ShippedCheckpoint, ShippedEntry, StreamCursor, StreamRecord } from './stream-record.ts';

/** What comes after a cursor: entries in their order, and each checkpoint after the last entry that it covers. */
export async function readStream(
  reader: Database,
  cursor: StreamCursor,
  limit: number,
): Promise<readonly StreamRecord[]> {
  const { rows: entries } = await reader.query<Omit<ShippedEntry, 'kind'>>(
    `SELECT seq, leaf_hash, canonical,
       EXISTS (SELECT FROM event_ids i WHERE i.id = e.id AND i.seq < e.seq) AS has_namesake
     FROM entries e WHERE seq >= $1 ORDER BY seq LIMIT $2`,
    [cursor.seq, limit],
  );
  const end = (entries.at(-1)?.seq ?? cursor.seq - 1) + 1;
  const { rows: checkpoints } = await reader.query<Omit<ShippedCheckpoint, 'kind'>>(
    `SELECT DISTINCT ON (size) size, root, note, signed_at FROM checkpoints
     WHERE size > $1 AND size <= $2 ORDER BY size, number LIMIT $3`,
    [cursor.checkpointSize, end, limit],
  );
  return merge(entries, checkpoints);
}

function merge(
  entries: readonly Omit<ShippedEntry, 'kind'>[],
  checkpoints: readonly Omit<ShippedCheckpoint, 'kind'>[],
): StreamRecord[] {
  const records: StreamRecord[] = [];
  let at = 0;
  const addCheckpoints = (size: number): void => {
    for (let next = checkpoints[at]; next !== undefined && next.size <= size; next = checkpoints[at]) {
      records.push({ kind: 'checkpoint', ...next });
      at += 1;
    }
  };
  for (const entry of entries) {
    addCheckpoints(entry.seq);
    records.push({ kind: 'entry', ...entry });
  }
  addCheckpoints(Infinity);
  return records;
}
