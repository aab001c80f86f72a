import { sha256Base64url } from '@aduana/core/platform/digest';
import { createMutex } from '@aduana/core/platform/mutex';
import type { StatusEntry, StatusPage } from '@aduana/core/status/status-entry';
import type { ForgedRow } from '@aduana/server-kit/seals/forged-rows';
import type { RowSeals } from '@aduana/server-kit/seals/row-seals';
import type { Database, Queryable } from '@aduana/server-kit/store/database';
import {
  ENTRIES,
  type EntryRow,
  FEED,
  type FeedHead,
  feedRefused,
  HEAD_COLUMNS,
  type HeadRow,
  isOwn,
  type NewStatusEntry,
  toHead,
  verifyHead,
} from './status-rows.ts';

const PAGE_LENGTH = 2_000;

/**
 * The feed as this STS has verified it, kept in memory: what is changed or deleted in the database afterwards takes back
 * nothing, and what is not the STS's own, or not all of it, is never given out.
 */
export interface StatusFeed {
  /**
   * The entries after `after`, oldest first, those that other replicas have written included.
   *
   * @throws SecurityError `STATUS_UNAVAILABLE` where rows are missing, or the feed was rolled back
   */
  readPage(after: number): Promise<StatusPage>;
  /** Compares the whole of the database with what was verified; throws as `readPage` does. */
  check(): Promise<void>;
}

interface Verified {
  readonly head: FeedHead;
  readonly seal: string | null;
  readonly entries: readonly KnownEntry[];
}

interface KnownEntry {
  readonly until: number | null;
  readonly entry: StatusEntry;
}

export function createStatusFeed(database: Database, seals: RowSeals): StatusFeed {
  const oneAtATime = createMutex();
  let known: Verified | undefined;

  /** Reads on from what is known: numbers follow one another without a gap, or all is read again. */
  async function readOn(before: Verified): Promise<Verified> {
    const latest = seals.latest.known().get(FEED) ?? 0;
    const { rows: heads } = await database.query<HeadRow>(`SELECT ${HEAD_COLUMNS} FROM status_head h`);
    const head = verifyHead(heads[0], latest, seals);
    const seal = heads[0]?.head_seal ?? null;
    if (seal === before.seal) return before;
    const { rows } = await database.query<EntryRow>(
      'SELECT seq, id, at, entry, until, seal FROM status_entries WHERE seq > $1 AND seq <= $2 ORDER BY seq',
      [before.head.seq, head.seq],
    );
    const own = rows.filter((row) => isOwn(row, seals));
    if (head.seq < before.head.seq || own.length !== head.seq - before.head.seq)
      return loadFeed(database, seals);
    const kept = before.entries.filter(({ until }) => until === null || until >= head.prunedUntil);
    return { head, seal, entries: [...kept, ...own.map(toKnown)] };
  }

  const refresh = (): Promise<Verified> =>
    oneAtATime(async () => {
      known = known === undefined ? await loadFeed(database, seals) : await readOn(known);
      seals.latest.note(FEED, known.head.seq + 1);
      return known;
    });

  return {
    async readPage(after) {
      const { entries, head } = await refresh();
      const start = firstAfter(entries, after);
      return { entries: entries.slice(start, start + PAGE_LENGTH).map(({ entry }) => entry), head: head.seq };
    },
    async check() {
      await oneAtATime(async () => {
        known = await loadFeed(database, seals);
      });
    },
  };
}

/** Where the entries after a number begin, which are in order. */
function firstAfter(entries: readonly KnownEntry[], after: number): number {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[middle]?.entry.seq ?? 0) > after) high = middle;
    else low = middle + 1;
  }
  return low;
}

export interface StoredFeed {
  readonly head: HeadRow | undefined;
  readonly rows: readonly EntryRow[];
  /** Names this very state, for whoever accepts it. */
  readonly digest: string;
}

/** All rows, whoever wrote them, in one statement: of one moment. */
export async function readStoredFeed(database: Queryable): Promise<StoredFeed> {
  const { rows } = await database.query<HeadRow & (EntryRow | { readonly seq: null })>(
    `SELECT ${HEAD_COLUMNS}, e.seq, e.id, e.at, e.entry, e.until, e.seal FROM (SELECT 1) AS one
       LEFT JOIN status_head h ON true LEFT JOIN status_entries e ON true ORDER BY e.seq`,
  );
  const [first] = rows;
  const entries = rows.filter((row): row is HeadRow & EntryRow => row.seq !== null);
  const head = first === undefined || first.head === null ? undefined : first;
  const state = [toHead(head), head?.head_seal, entries.map(({ seq, seal }) => [Number(seq), seal])];
  return { head, rows: entries, digest: sha256Base64url(JSON.stringify(state)) };
}

/** @throws SecurityError `STATUS_UNAVAILABLE` where it is not the whole feed */
async function loadFeed(database: Database, seals: RowSeals): Promise<Verified> {
  const latest = seals.latest.known().get(FEED) ?? 0;
  const stored = await readStoredFeed(database);
  const head = verifyHead(stored.head, latest, seals);
  const { present, forged } = sortOut(stored.rows, head, seals);
  const problem = problemOf(present, head);
  const whole = problem === undefined ? [] : [{ table: ENTRIES, row: 'all', problem }];
  seals.forged.found(ENTRIES, [...forged, ...whole]);
  if (problem !== undefined) throw feedRefused(problem);
  return { head, seal: stored.head?.head_seal ?? null, entries: present.map(toKnown) };
}

/** The entries that count, each once and in order, and what else there is. */
export function sortOut(
  rows: readonly EntryRow[],
  { prunedUntil }: FeedHead,
  seals: RowSeals,
): { readonly present: readonly EntryRow[]; readonly forged: readonly ForgedRow[] } {
  const present: EntryRow[] = [];
  const forged: ForgedRow[] = [];
  for (const row of rows) {
    const problem = !isOwn(row, seals)
      ? 'its seal does not hold'
      : Number(row.seq) === Number(present.at(-1)?.seq ?? 0)
        ? 'it is there twice'
        : row.until !== null && Number(row.until) < prunedUntil
          ? 'it had ended, and was put back'
          : undefined;
    if (problem === undefined) present.push(row);
    else forged.push({ table: ENTRIES, row: `${String(row.seq)} ${row.id}`, problem });
  }
  return { present, forged };
}

function problemOf(present: readonly EntryRow[], head: FeedHead): string | undefined {
  const kept = present.filter(({ until }) => until === null).length;
  if (present.some(({ seq }) => Number(seq) > head.seq)) return 'it has entries that are newer than its head';
  if (kept !== head.kept) return `${String(kept)} of ${String(head.kept)} lasting entries are there`;
  const passing = present.length - kept;
  return passing === head.passing
    ? undefined
    : `${String(passing)} of ${String(head.passing)} passing entries are there`;
}

function toKnown({ seq, at, entry, until }: EntryRow): KnownEntry {
  return {
    until: until === null ? null : Number(until),
    entry: { ...(JSON.parse(entry) as NewStatusEntry), seq: Number(seq), at: Number(at) },
  };
}
