import type { RowSeals } from '@aduana/server-kit/seals/row-seals';
import type { Queryable } from '@aduana/server-kit/store/database';
import { readStoredFeed, sortOut, type StoredFeed } from './status-feed.ts';
import { columnsOf, ENTRIES, type EntryRow, FEED, type FeedHead, toHead, writeHead } from './status-rows.ts';

/**
 * Seals the feed of a release without seals.
 *
 * @returns how many rows
 */
export async function sealOlderFeed(transaction: Queryable, seals: RowSeals): Promise<number> {
  const { head, rows } = await readStoredFeed(transaction);
  if (head?.head_seal != null || rows.some(({ seal }) => seal !== null)) return 0; // a start that died has done it
  await transaction.query(
    `UPDATE status_entries e SET seal = s.seal FROM unnest($1::bigint[], $2::text[]) AS s (seq, seal)
     WHERE e.seq = s.seq`,
    [rows.map(({ seq }) => seq), rows.map((row) => seals.seal(ENTRIES, columnsOf(row)))],
  );
  await write(transaction, rows, Math.max(toHead(head).seq, Number(rows.at(-1)?.seq ?? 0)), seals);
  return rows.length;
}

/** Goes on with those entries that the STS wrote itself, as somebody has decided who knows that others may be missing. */
export async function acceptFeed(
  transaction: Queryable,
  { rows }: StoredFeed,
  seals: RowSeals,
): Promise<void> {
  const { present } = sortOut(rows, toHead(undefined), seals);
  const known = (seals.latest.known().get(FEED) ?? 1) - 1;
  await transaction.query('DELETE FROM status_entries WHERE NOT seq = ANY($1::bigint[])', [
    present.map(({ seq }) => seq),
  ]);
  const last = Math.max(known, Number(present.at(-1)?.seq ?? 0));
  await write(transaction, present, last, seals);
}

async function write(
  transaction: Queryable,
  rows: readonly EntryRow[],
  seq: number,
  seals: RowSeals,
): Promise<void> {
  const kept = rows.filter(({ until }) => until === null).length;
  const head: FeedHead = { seq, kept, passing: rows.length - kept, prunedUntil: 0 };
  await writeHead(transaction, head, seals);
  seals.latest.note(FEED, seq + 1);
}
