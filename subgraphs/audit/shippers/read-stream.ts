import { LONGEST_NOTE } from '@aduana/server-kit/audit/checkpoint';
import type { Database } from '@aduana/server-kit/store/database';
import { signedAmong } from '../checkpoints/read-head.ts';
import type { ShippedCheckpoint, ShippedEntry, StreamCursor, StreamRecord } from './stream-record.ts';

type Entry = Omit<ShippedEntry, 'kind'>;
type Checkpoint = Omit<ShippedCheckpoint, 'kind'>;

/**
 * What comes after a cursor: entries in their order, and each checkpoint after the last entry that it covers.
 *
 * @param vkeys of the log's keys: a row that none of them has signed is no checkpoint, since the writer's login can add such
 */
export async function readStream(
  reader: Database,
  cursor: StreamCursor,
  limit: number,
  vkeys: readonly string[],
): Promise<readonly StreamRecord[]> {
  const { rows: entries } = await reader.query<Entry>(
    `SELECT seq, time, leaf_hash, canonical,
       EXISTS (SELECT FROM event_ids i WHERE i.id = e.id AND i.seq < e.seq) AS has_namesake
     FROM entries e WHERE seq >= $1 ORDER BY seq LIMIT $2`,
    [cursor.seq, limit],
  );
  const end = (entries.at(-1)?.seq ?? cursor.seq - 1) + 1;
  return merge(entries, await readCheckpoints(reader, { above: cursor.checkpointSize, end, limit }, vkeys));
}

/** Of each size the first row that is signed: as many as the limit, however many rows between them are not. */
async function readCheckpoints(
  reader: Database,
  { above, end, limit }: { readonly above: number; readonly end: number; readonly limit: number },
  vkeys: readonly string[],
): Promise<readonly Checkpoint[]> {
  const found = new Map<number, Checkpoint>();
  for (let from = { size: above + 1, number: 0 }; found.size < limit;) {
    const { rows } = await reader.query<{ number: number; size: number; note: string; signed_at: Date }>(
      `SELECT number, size, signed_at, note
       FROM checkpoints WHERE (size, number) > ($1, $2) AND size <= $3 AND length(note) <= $4
       ORDER BY size, number LIMIT $5`,
      [from.size, from.number, end, LONGEST_NOTE, limit],
    );
    for (const { size, note, signed_at } of rows) {
      if (found.has(size) || found.size === limit) continue;
      const [signed] = signedAmong([{ note }], vkeys);
      if (signed?.size === size) found.set(size, { size, root: signed.root, note, signed_at });
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < limit) break;
    from = last;
  }
  return [...found.values()];
}

function merge(entries: readonly Entry[], checkpoints: readonly Checkpoint[]): StreamRecord[] {
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
