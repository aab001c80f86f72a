import type { Queryable } from '@aduana/core/store/database';
import type { StatusEntry, StatusPage } from '@aduana/core/status/status-entry';

const PAGE_LENGTH = 2_000;

type WithoutPlace<Entry> = Entry extends unknown ? Omit<Entry, 'seq' | 'at'> : never;

/** A statement before it has its place in the feed. */
export type NewStatusEntry = WithoutPlace<StatusEntry>;

interface EntryRow {
  readonly seq: string | number;
  readonly at: string | number;
  readonly entry: string;
}

/**
 * Appends to the feed, once per id; the lock on the head row makes the order of `seq` the order of commits.
 *
 * @param transaction of which the caller's own change is a part
 */
export async function appendStatus(
  transaction: Queryable,
  id: string,
  entry: NewStatusEntry,
  now: number,
): Promise<void> {
  const { rows } = await transaction.query<{ seq: string | number }>(
    'UPDATE status_head SET seq = seq + 1 RETURNING seq',
  );
  const until = entry.kind === 'token_revoked' ? entry.until * 1000 : null;
  await transaction.query(
    `INSERT INTO status_entries (seq, id, at, entry, until) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING`,
    [Number(rows[0]?.seq), id, now, JSON.stringify(entry), until],
  );
}

/** The entries after `after`, oldest first. */
export async function readStatusPage(database: Queryable, after: number): Promise<StatusPage> {
  // The head first: an entry that commits between the two reads is then beyond it, never lost behind it.
  const head = await database.query<{ seq: string | number }>('SELECT seq FROM status_head');
  const { rows } = await database.query<EntryRow>(
    'SELECT seq, at, entry FROM status_entries WHERE seq > $1 ORDER BY seq LIMIT $2',
    [after, PAGE_LENGTH],
  );
  return {
    entries: rows.map(({ seq, at, entry }) => ({
      ...(JSON.parse(entry) as NewStatusEntry),
      seq: Number(seq),
      at: Number(at),
    })),
    head: Number(head.rows[0]?.seq ?? 0),
  };
}
