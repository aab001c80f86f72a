import { SecurityError } from '@aduana/core/errors/security-error';
import type { StatusEntry } from '@aduana/core/status/status-entry';
import type { RowSeals, SealedColumns } from '@aduana/server-kit/seals/row-seals';
import type { Queryable } from '@aduana/server-kit/store/database';

/** The set whose latest version is remembered: the number of the newest entry, plus one. */
export const FEED = 'status-feed';
export const ENTRIES = 'status_entries';
export const HEAD = 'status_head';

export interface EntryRow {
  readonly seq: string | number;
  readonly id: string;
  readonly at: string | number;
  readonly entry: string;
  /** Milliseconds since the epoch; null: kept for good. */
  readonly until: string | number | null;
  readonly seal: string | null;
}

/** What must be in the feed: with it a missing row shows, and one that was put back. */
export interface FeedHead {
  /** Of the newest entry. */
  readonly seq: number;
  /** How many entries are kept for good. */
  readonly kept: number;
  /** How many of the others there are. */
  readonly passing: number;
  /** Entries that ended before are gone; in milliseconds since the epoch. */
  readonly prunedUntil: number;
}

export interface HeadRow {
  readonly head: string | number | null;
  readonly kept: string | number | null;
  readonly passing: string | number | null;
  readonly pruned_until: string | number | null;
  readonly head_seal: string | null;
}

/** The columns of the head, for a statement in which `h` is `status_head`. */
export const HEAD_COLUMNS = 'h.seq AS head, h.kept, h.passing, h.pruned_until, h.seal AS head_seal';

type WithoutPlace<Entry> = Entry extends unknown ? Omit<Entry, 'seq' | 'at'> : never;

/** A statement before it has its place in the feed. */
export type NewStatusEntry = WithoutPlace<StatusEntry>;

/** What a seal covers: the place (number and id) and all that is believed of an entry. */
export function columnsOf({ seq, id, at, entry, until }: Omit<EntryRow, 'seal'>): SealedColumns {
  return [Number(seq), id, Number(at), entry, until === null ? null : Number(until)];
}

export function isOwn(row: EntryRow, seals: RowSeals): boolean {
  return seals.holds(ENTRIES, columnsOf(row), row.seal);
}

export function sealHead({ seq, kept, passing, prunedUntil }: FeedHead, seals: RowSeals): string {
  return seals.seal(HEAD, [seq, kept, passing, prunedUntil]);
}

export function toHead(row: HeadRow | undefined): FeedHead {
  return {
    seq: Number(row?.head ?? 0),
    kept: Number(row?.kept ?? 0),
    passing: Number(row?.passing ?? 0),
    prunedUntil: Number(row?.pruned_until ?? 0),
  };
}

/**
 * The head, which the STS wrote itself and which is no older than one that was seen.
 *
 * @param latest as it was known before the row was read
 * @throws SecurityError `STATUS_UNAVAILABLE`: what is revoked is not known
 */
export function verifyHead(row: HeadRow | undefined, latest: number, seals: RowSeals): FeedHead {
  const head = toHead(row);
  const problem =
    row?.head_seal == null || !seals.holds(HEAD, headColumns(head), row.head_seal)
      ? 'its seal does not hold'
      : head.seq + 1 < latest
        ? `entry ${String(latest - 1)} was seen before`
        : undefined;
  seals.forged.found(
    HEAD,
    problem === undefined ? [] : [{ table: HEAD, row: `seq ${String(head.seq)}`, problem }],
  );
  if (problem !== undefined) throw feedRefused(`its head, ${problem}`);
  return head;
}

const headColumns = ({ seq, kept, passing, prunedUntil }: FeedHead): SealedColumns => [
  seq,
  kept,
  passing,
  prunedUntil,
];

export function feedRefused(what: string): SecurityError {
  return new SecurityError('STATUS_UNAVAILABLE', {
    detail: `the status feed was changed or rolled back in the database: ${what}; see store.forged in docs/secrets.md`,
  });
}

/** The lock on the head row makes the order of `seq` the order of commits. */
async function lockHead(transaction: Queryable, seals: RowSeals): Promise<FeedHead> {
  const latest = seals.latest.known().get(FEED) ?? 0;
  const { rows } = await transaction.query<HeadRow>(`SELECT ${HEAD_COLUMNS} FROM status_head h FOR UPDATE`);
  return verifyHead(rows[0], latest, seals);
}

export async function writeHead(transaction: Queryable, head: FeedHead, seals: RowSeals): Promise<void> {
  await transaction.query(
    `INSERT INTO status_head (seq, kept, passing, pruned_until, seal) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (one) DO UPDATE SET seq = excluded.seq, kept = excluded.kept, passing = excluded.passing,
       pruned_until = excluded.pruned_until, seal = excluded.seal`,
    [head.seq, head.kept, head.passing, head.prunedUntil, sealHead(head, seals)],
  );
}

/**
 * Appends to the feed, once per id. A row that is not the STS's own neither takes the id nor the place of one that is.
 *
 * @param transaction of which the caller's own change is a part
 * @returns false where the feed has it already
 * @throws SecurityError `STATUS_UNAVAILABLE` where the feed was tampered with
 */
export async function appendStatus(
  transaction: Queryable,
  id: string,
  entry: NewStatusEntry,
  now: number,
  seals: RowSeals,
): Promise<boolean> {
  const head = await lockHead(transaction, seals);
  const seq = head.seq + 1;
  const { rows } = await transaction.query<EntryRow>(
    'SELECT seq, id, at, entry, until, seal FROM status_entries WHERE id = $1 OR seq = $2',
    [id, seq],
  );
  if (rows.some((row) => row.id === id && Number(row.seq) <= head.seq && isOwn(row, seals))) return false;
  const until = 'until' in entry ? entry.until * 1000 : null;
  if (until !== null && until < head.prunedUntil) return false; // has ended, and is forgotten
  if (rows.length > 0)
    await transaction.query('DELETE FROM status_entries WHERE id = $1 OR seq = $2', [id, seq]);
  const row = { seq, id, at: now, entry: JSON.stringify(entry), until };
  await transaction.query(
    'INSERT INTO status_entries (seq, id, at, entry, until, seal) VALUES ($1, $2, $3, $4, $5, $6)',
    [seq, id, now, row.entry, until, seals.seal(ENTRIES, columnsOf(row))],
  );
  const { kept, passing } = head;
  await writeHead(
    transaction,
    { ...head, seq, ...(until === null ? { kept: kept + 1 } : { passing: passing + 1 }) },
    seals,
  );
  return true;
}

/** Forgets the entries that ended before `cutoff`, in milliseconds since the epoch. */
export async function pruneStatus(transaction: Queryable, cutoff: number, seals: RowSeals): Promise<void> {
  const { rows: ended } = await transaction.query('SELECT 1 FROM status_entries WHERE until < $1 LIMIT 1', [
    cutoff,
  ]);
  if (ended.length === 0) return;
  const head = await lockHead(transaction, seals);
  const { rows } = await transaction.query<EntryRow>(
    'DELETE FROM status_entries WHERE until < $1 RETURNING seq, id, at, entry, until, seal',
    [cutoff],
  );
  const own = rows.filter((row) => Number(row.until) >= head.prunedUntil && isOwn(row, seals)).length;
  const prunedUntil = Math.max(head.prunedUntil, cutoff);
  await writeHead(transaction, { ...head, passing: Math.max(0, head.passing - own), prunedUntil }, seals);
}
